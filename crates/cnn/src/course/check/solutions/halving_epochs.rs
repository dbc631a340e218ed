fn halving_epochs(candidates: usize, rungs: &[usize]) -> usize {
    let (mut running, mut before, mut epochs) = (candidates, 0, 0);
    for &rung in rungs {
        epochs += running * (rung - before);
        running = running.div_ceil(3);
        before = rung;
    }
    epochs
}
