//! A stack of layers: forward for every [`Real`], backward by hand, with the lecture's sign.

use super::{Activation, Loss, Matrix, Real, Target};

/// A dense layer.
#[derive(Clone, Debug)]
pub struct Layer<R = f64> {
    /// `w[j][i]` is the weight from unit i to unit j.
    pub w: Matrix<R>,
    /// b; in the lecture `w[j][0]` with `x[0] = 1`.
    pub b: Vec<R>,
    /// h
    pub activation: Activation,
}

/// `f = f_L ∘ … ∘ f_1`
#[derive(Clone, Debug)]
pub struct Network<R = f64> {
    /// The layers, from first to last.
    pub layers: Vec<Layer<R>>,
}

/// The gradient of the mini-batch loss with respect to one layer's parameters.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// `∂L/∂w`
    pub dw: Matrix,
    /// `∂L/∂b`
    pub db: Vec<f64>,
}

impl<R: Real> Layer<R> {
    /// `a_j = Σ_i w_ji x_i + b_j`
    pub fn net_input(&self, x: &Matrix<R>) -> Matrix<R> {
        Matrix::from_fn(x.rows(), self.w.rows(), |row, j| {
            (0..self.w.cols()).fold(self.b[j], |sum, i| sum + self.w.at(j, i) * x.at(row, i))
        })
    }
}

impl<R: Real> Network<R> {
    /// Every layer's `z_j = h(a_j)`; the last one is ŷ.
    pub fn forward(&self, x: &Matrix<R>) -> Vec<Matrix<R>> {
        let mut outputs: Vec<Matrix<R>> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let z = layer.net_input(outputs.last().unwrap_or(x)).map(|a| layer.activation.value(a));
            outputs.push(z);
        }
        outputs
    }

    /// The loss of a mini-batch.
    pub fn loss(&self, x: &Matrix<R>, loss: Loss, target: &Target) -> R {
        match self.forward(x).last() {
            Some(output) => loss.value(output, target),
            None => loss.value(x, target),
        }
    }

    /// The same network with `f` applied to every parameter. `f` also receives the parameter's index, w row by row before b.
    pub fn map<T: Real>(&self, mut f: impl FnMut(usize, R) -> T) -> Network<T> {
        let mut number = 0;
        let mut next = |parameter| {
            number += 1;
            f(number - 1, parameter)
        };
        let layers = self.layers.iter().map(|layer| Layer {
            w: layer.w.map(&mut next),
            b: layer.b.iter().copied().map(&mut next).collect(),
            activation: layer.activation,
        });
        Network { layers: layers.collect() }
    }

    /// The number of parameters.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.w.numbers().len() + layer.b.len()).sum()
    }
}

impl Network {
    /// The gradients of the mini-batch loss, and its gradient with respect to x: [`propagate`](Self::propagate) from the
    /// output layer's Δ.
    pub fn backward(&self, x: &Matrix, loss: Loss, target: &Target) -> (Vec<Gradient>, Matrix) {
        let outputs = self.forward(x);
        let Some((output, layer)) = outputs.last().zip(self.layers.last()) else { unreachable!("there is a layer") };
        let delta = loss.delta(output, layer.activation, target);
        self.propagate(x, &outputs, delta, loss.factor(x.rows()), Activation::derivative)
    }

    /// Starts from the output layer's Δ, with `derivative` as h':
    ///
    /// * hidden layer `Δ_j = h'(a_j) Σ_k w_kj Δ_k`
    /// * `∂E/∂w_ji = −x_i Δ_j`, and over the mini-batch `∂L/∂w_ji = −factor Σ x_i Δ_j`
    /// * `∂L/∂x_i = −factor Σ_j w_ji Δ_j` of the first layer
    pub fn propagate(
        &self,
        x: &Matrix,
        outputs: &[Matrix],
        mut delta: Matrix,
        factor: f64,
        derivative: fn(Activation, f64) -> f64,
    ) -> (Vec<Gradient>, Matrix) {
        let mut gradients = Vec::with_capacity(self.layers.len());
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let below = if l > 0 { &outputs[l - 1] } else { x };
            gradients.push(Gradient {
                dw: Matrix::from_fn(layer.w.rows(), layer.w.cols(), |j, i| {
                    -factor * (0..x.rows()).map(|row| below.at(row, i) * delta.at(row, j)).sum::<f64>()
                }),
                db: (0..layer.b.len())
                    .map(|j| -factor * (0..x.rows()).map(|row| delta.at(row, j)).sum::<f64>())
                    .collect(),
            });
            delta = Matrix::from_fn(x.rows(), layer.w.cols(), |row, j| {
                let sum: f64 = (0..layer.w.rows()).map(|k| layer.w.at(k, j) * delta.at(row, k)).sum();
                // x has no activation below it.
                sum * if l > 0 { derivative(self.layers[l - 1].activation, below.at(row, j)) } else { 1.0 }
            });
        }
        gradients.reverse();
        (gradients, delta.map(|delta| -factor * delta))
    }
}

impl Gradient {
    /// The partial derivatives, w row by row before b, in the order of [`Network::map`].
    pub fn numbers(&self) -> impl Iterator<Item = f64> + '_ {
        self.dw.numbers().iter().chain(&self.db).copied()
    }
}
