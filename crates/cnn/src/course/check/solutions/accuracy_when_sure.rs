fn accuracy_when_sure(probabilities: &Tensor, truth: &Tensor, least: f64) -> f64 {
    let (confidence, answers) = probabilities.max_dim(1, false);
    let hits = answers.eq_tensor(truth).masked_select(&confidence.gt(least));
    hits.to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
}
