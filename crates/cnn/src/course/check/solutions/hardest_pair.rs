fn hardest_pair(matrix: &ConfusionMatrix) -> (usize, usize) {
    let classes = matrix.classes();
    let pairs = (0..classes).flat_map(|one| (one + 1..classes).map(move |other| (one, other)));
    let both_ways = |&(one, other): &(usize, usize)| matrix.count(one, other) + matrix.count(other, one);
    pairs.max_by_key(both_ways).unwrap_or_default()
}
