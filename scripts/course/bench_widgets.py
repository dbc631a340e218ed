"""How quickly widgets answer; rows of scripts/bench kernel. (From a stroke on the pad to the bars: the tests in a browser note it.)"""

import statistics
import time
from queue import Empty

LIMIT = 120  # seconds for an answer
# A loop that hands back what a slider says.
LOOP = r"""{
    let slider = live::Widget::new("export default { render() {} }", "", &[("x", "0"), ("seen", "0")]);
    let mut last = String::new();
    while last != "-1" && !live::stop_requested() {
        let x = slider.get("x").unwrap_or_default();
        if x != last {
            slider.set("seen", &x);
            last = x;
        }
        std::thread::sleep(std::time::Duration::from_micros(100));
    }
    slider.close();
}"""
# Epochs without a slider, and with one that is read before each batch, in turns.
EPOCHS = """
fn epoch(x: &Tensor, y: &Tensor, steer: Option<Steer>) -> cnn::anyhow::Result<f64> {
    let mut model = course::model(42)?;
    let settings = Fit { epochs: 4, batch_size: 128, verbose: false, ..Fit::default() };
    let training = model.training(x, y, &settings);
    let history = match steer {
        Some(steer) => training.callback(steer).run()?,
        None => training.run()?,
    };
    Ok(history.seconds[1..].iter().sum::<f64>() / 3.0)
}
let rate = log_slider("learning rate", 1e-5..=1e-1, 1e-3)?;
epoch(&x_train, &data.y_train, None)?;
for _ in 0..REPETITIONS {
    let steered = epoch(&x_train, &data.y_train, Some(Steer::new(&rate)))?;
    println!("RESULT {}", steered / epoch(&x_train, &data.y_train, None)?);
}
"""


class Page:
    """The page's side of the widget that a running cell has opened."""

    def __init__(self, client):
        self.client = client
        self.comm = self.listen(lambda message: message["msg_type"] == "comm_open")["content"]["comm_id"]

    def listen(self, fits):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except Empty:
                continue
            if fits(message):
                return message
        raise TimeoutError(f"the widget has not answered within {LIMIT} s")

    def move(self, x):
        data = {"method": "update", "state": {"x": x}, "buffer_paths": []}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data}))

    def seen(self, x):
        """Waits until the loop has handed back this value."""
        state = lambda message: message["content"].get("data", {}).get("state", {})  # noqa: E731
        self.listen(lambda message: message["msg_type"] == "comm_msg" and state(message).get("seen") == x)


def answers(client, moves=100, flood=3000):
    """Milliseconds from a move of a slider to a running loop and back, and how many moves a second the kernel takes."""
    client.execute(LOOP)
    page = Page(client)
    times = []
    for x in range(1, moves + 1):
        begin = time.monotonic()
        page.move(x)
        page.seen(x)
        times.append(1000 * (time.monotonic() - begin))
        time.sleep(0.02)
    begin = time.monotonic()
    for x in range(moves + 1, moves + 1 + flood):
        page.move(x)
    page.seen(moves + flood)
    rate = flood / (time.monotonic() - begin)
    page.move(-1)
    page.listen(lambda message: message["msg_type"] == "comm_close")
    return statistics.median(times), rate


def steered(execute, repetitions):
    """An epoch with a slider that is read before each batch, as a multiple of one without; `execute` gives what a cell prints."""
    execute("let data = mnist::load_data()?;\nlet x_train = add_channel(&data.x_train)?;")
    printed = execute(EPOCHS.replace("REPETITIONS", str(repetitions)))
    return statistics.median(float(line.split()[1]) for line in printed.splitlines() if line.startswith("RESULT"))
