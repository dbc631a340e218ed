//! What a kernel has evcxr do: execute cells, complete names, and explain them. The kernel asks line by line, and is
//! answered line by line; [`protocol`] says how.
//!
//! The library evcxr does the work, as it is. It can do one thing at a time, and is busy as long as a cell runs. Names are
//! completed nonetheless: by a copy of this process, see [`copy`].

mod completion;
mod copy;
mod evaluation;
mod inspection;
mod memory;
mod protocol;

use anyhow::{anyhow, Context, Result};
use evcxr::{CommandContext, EvalContext};
use std::io::BufRead;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::time::Duration;

use protocol::{Answer, Question, Replies, Reply, Request};

/// The program that runs the cells.
const RUNTIME: &str = "LIVE_RUNTIME";

/// After so long without a request there is time to tidy up.
const REST: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // cargo starts this program in the place of rustc where evcxr's own cache is used.
    evcxr::runtime_hook();
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<()> {
    let replies = Replies::open()?;
    let mut context = open()?;
    replies.send(Reply { id: 0, answer: Answer::Ready });
    let requests = listen(&mut context, replies.clone());
    let mut has_worked = true;
    loop {
        match requests.recv_timeout(REST) {
            Ok(Request { id, question, .. }) => {
                let answer = answer(&mut context, question);
                replies.send(Reply { id, answer });
                has_worked = true;
            }
            Err(RecvTimeoutError::Timeout) if has_worked => {
                memory::give_back();
                has_worked = false;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // Without evcxr's end, which waits for that of the cells.
    std::process::exit(0)
}

/// Starts evcxr with another program for the cells.
fn open() -> Result<CommandContext> {
    let cells =
        std::env::var_os(RUNTIME).with_context(|| format!("the variable {RUNTIME} names no program"))?;
    // Reasons come with both kinds of error, on one line each.
    let (context, outputs) =
        EvalContext::with_subprocess_command(Command::new(cells)).map_err(|error| anyhow!("{error}"))?;
    // The kernel gets what cells print directly; this is what is said about them.
    std::thread::spawn(move || outputs.stderr.iter().for_each(|line| eprintln!("{line}")));
    std::thread::spawn(move || outputs.stdout.iter().for_each(|line| eprintln!("{line}")));
    let mut context = CommandContext::with_eval_context(context);
    context.execute(":load_config --quiet").map_err(|error| anyhow!("{error}"))?;
    Ok(context)
}

/// Reads requests; what has to be answered while a cell runs is given to a copy of this process.
fn listen(context: &mut CommandContext, replies: Replies) -> Receiver<Request> {
    let (sender, requests) = channel();
    let context = copy::Original::of(context);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match serde_json::from_str::<Request>(&line) {
                Ok(Request { id, now: true, question }) => {
                    copy::answer(&context, id, &replies, |context| answer(context, question))
                }
                Ok(request) => {
                    if sender.send(request).is_err() {
                        return;
                    }
                }
                Err(error) => eprintln!("a request that is none: {error}"),
            }
        }
    });
    requests
}

fn answer(context: &mut CommandContext, question: Question) -> Answer {
    let answer = match question {
        Question::Execute { code } => Ok(Answer::Executed(evaluation::execute(context, &code))),
        Question::Complete { code, at } => completion::offer(context, &code, at).map(Answer::Completed),
        Question::Inspect { code, ends } => inspection::explain(context, &code, &ends).map(Answer::Inspected),
    };
    answer.unwrap_or_else(|error| Answer::Failed(format!("{error:#}")))
}
