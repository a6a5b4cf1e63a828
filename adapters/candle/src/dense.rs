//! The dense layer as one custom operation: forward, and all gradients in one backward call.

use crate::sink::Target;
use crate::view::{cpu_floats, floats, is_matrix, matrix, same_storage, vector, zeros};
use crate::workspace::{self, Workspace};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor};
use lanegrad::{Activation, Backend, MatMut, MatRef, dense};

/// `z = h(x·wᵀ + b)`, with two operands (no bias) or three.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dense(pub(crate) Activation);

pub(crate) const LINEAR: &str = "linear";

type Operand<'a> = (&'a CpuStorage, &'a Layout);

impl Dense {
    fn forward(self, x: Operand<'_>, w: Operand<'_>, bias: Option<Operand<'_>>) -> Result<(CpuStorage, Shape)> {
        let mut dims = x.1.dims().to_vec();
        let x = matrix(LINEAR, "inputs", floats(LINEAR, "inputs", x.0)?, x.1)?;
        let w = matrix(LINEAR, "weights", floats(LINEAR, "weights", w.0)?, w.1)?;
        let bias = match bias {
            Some((storage, layout)) => Some(vector(LINEAR, "bias", floats(LINEAR, "bias", storage)?, layout)?),
            None => None,
        };
        let (batch, units) = (x.rows(), w.rows());
        let mut z = zeros(LINEAR, batch, units)?;
        workspace::with(|Workspace { backend, .. }| {
            let z = MatMut::new(&mut z, batch, units).map_err(Error::wrap)?;
            dense::forward(backend, dense::Forward { x, w, bias, activation: self.0 }, z).map_err(Error::wrap)
        })?;
        if let Some(last) = dims.last_mut() {
            *last = units;
        }
        Ok((CpuStorage::F32(z), Shape::from(dims)))
    }

    /// The gradients of x, w and the bias. That of a tensor which depends on no variable is `None`: candle does not need it.
    fn backward(
        self,
        [x, w, z, dz]: [&Tensor; 4],
        bias: Option<&Tensor>,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dz = &if is_matrix(dz.layout()) { dz.clone() } else { dz.contiguous()? };
        let w = &if same_storage(x, w) { w.copy()? } else { w.clone() };
        let wanted = |operand: Option<&Tensor>| match operand.filter(|operand| operand.track_op()) {
            Some(operand) => Target::new(LINEAR, operand, z).map(Some),
            None => Ok(None),
        };
        let (mut dw, mut db) = (wanted(Some(w))?, wanted(bias)?);
        let mut dx = if x.track_op() { Some(zeros(LINEAR, 1, x.elem_count())?) } else { None };
        {
            let [(x, x_layout), (w, w_layout), (z, z_layout), (dz, dz_layout)] =
                [x, w, z, dz].map(Tensor::storage_and_layout);
            let x = matrix(LINEAR, "inputs", cpu_floats(LINEAR, "inputs", &x)?, x_layout)?;
            let w = matrix(LINEAR, "weights", cpu_floats(LINEAR, "weights", &w)?, w_layout)?;
            let z = matrix(LINEAR, "outputs", cpu_floats(LINEAR, "outputs", &z)?, z_layout)?;
            let dz = matrix(LINEAR, "gradients", cpu_floats(LINEAR, "gradients", &dz)?, dz_layout)?;
            workspace::with(|Workspace { backend, delta }| {
                let delta = self.delta(backend, delta, dz, z)?;
                gradient(backend, delta, x, dw.as_mut(), db.as_mut())?;
                if let Some(dx) = &mut dx {
                    let dx = MatMut::new(dx, x.rows(), x.cols()).map_err(Error::wrap)?;
                    dense::backward(backend, dense::Backward { delta, w, below: None }, dx).map_err(Error::wrap)?;
                }
                Ok(())
            })?;
        }
        let dx = match dx {
            Some(dx) => Some(Tensor::from_vec(dx, x.shape(), x.device())?),
            None => None,
        };
        let finish = |target: Option<Target>, operand: Option<&Tensor>| match target.zip(operand) {
            Some((target, operand)) => target.finish(operand),
            None => Ok(None),
        };
        Ok((dx, finish(dw, Some(w))?, finish(db, bias)?))
    }

    /// `dz ⊙ h'(a)`, in `buffer` unless it is dz itself.
    fn delta<'a>(
        self,
        backend: &Backend,
        buffer: &'a mut Vec<f32>,
        dz: MatRef<'a>,
        z: MatRef<'_>,
    ) -> Result<MatRef<'a>> {
        if self.0 == Activation::Identity {
            return Ok(dz);
        }
        let (rows, cols) = (dz.rows(), dz.cols());
        let len = rows.saturating_mul(cols);
        if buffer.len() < len {
            *buffer = zeros(LINEAR, rows, cols)?;
        }
        let operands = dense::ActivationBackward { gradient: dz, z, activation: self.0 };
        let delta = MatMut::new(buffer, rows, cols).map_err(Error::wrap)?;
        dense::activation_backward(backend, operands, delta).map_err(Error::wrap)?;
        MatRef::new(buffer, rows, cols).map_err(Error::wrap)
    }
}

/// dw and db, each if wanted.
fn gradient(
    backend: &mut Backend,
    delta: MatRef<'_>,
    x: MatRef<'_>,
    dw: Option<&mut Target>,
    db: Option<&mut Target>,
) -> Result<()> {
    let accumulate = [&dw, &db].into_iter().flatten().any(|target| target.filled);
    let [dw, db] = [dw, db].map(|target| target.map(|target| target.buffer(accumulate)));
    let dw = match dw {
        Some(dw) => Some(MatMut::new(dw, delta.cols(), x.cols()).map_err(Error::wrap)?),
        None => None,
    };
    dense::gradient(backend, dense::Gradient { delta, x, accumulate }, dw, db).map_err(Error::wrap)
}

impl CustomOp2 for Dense {
    fn name(&self) -> &'static str {
        LINEAR
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward((x, lx), (w, lw), None)
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, z: &Tensor, dz: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw, _) = self.backward([x, w, z, dz], None)?;
        Ok((dx, dw))
    }
}

impl CustomOp3 for Dense {
    fn name(&self) -> &'static str {
        LINEAR
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        bias: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((x, lx), (w, lw), Some((bias, lb)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        bias: &Tensor,
        z: &Tensor,
        dz: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        self.backward([x, w, z, dz], Some(bias))
    }
}
