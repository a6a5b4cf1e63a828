//! Clipping of gradients.

/// `g ← min(max(g, −limit), limit)`
pub fn clip_by_value(gradients: &mut [Vec<f64>], limit: f64) {
    for g in gradients.iter_mut().flatten() {
        *g = g.clamp(-limit, limit);
    }
}

/// `g ← g·limit/‖g‖` if the norm over all gradients together exceeds the limit. Returns the norm.
pub fn clip_by_global_norm(gradients: &mut [Vec<f64>], limit: f64) -> f64 {
    let norm = gradients.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
    if norm > limit {
        for g in gradients.iter_mut().flatten() {
            *g *= limit / norm;
        }
    }
    norm
}
