//! A differentiable map at given points: its Jacobians, one a point, as linear maps.

use anyhow::{Result, ensure};
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor};

use crate::nn::init;
use crate::nn::rows::by_row;
use crate::streams::{Purpose, below, stream};

/// A map f of rows, linearized at each row of x: J_n = ∂f(x)_n/∂x_n.
pub struct Linearization {
    x: Tensor,
    y: Tensor,
}

/// Tensor of independent ±1 like `example`.
pub(in crate::probe) fn signs(example: &Tensor, seed: u64, index: u64) -> Tensor {
    let mut source = stream(seed, Purpose::Probe, index);
    let count = example.numel();
    let signs = (0..count).map(|_| [-1.0, 1.0][below(2, &mut source) as usize]);
    let values: Vec<f64> = signs.collect();
    Tensor::from_slice(&values)
        .to_device(example.device())
        .to_kind(example.kind())
        .view_as(example)
}

fn gradient(scalar: &Tensor, of: &Tensor, keep: bool, differentiable: bool) -> Result<Tensor> {
    // libtorch does not check this, and crashes.
    ensure!(
        scalar.requires_grad(),
        "the output does not depend on the input"
    );
    let mut gradients = Tensor::f_run_backward(&[scalar], &[of], keep, differentiable)?;
    Ok(gradients.remove(0))
}

/// Singular values of each matrix of a batch, largest first.
pub(super) fn singular_values(matrices: &Tensor) -> Result<Tensor> {
    // `linalg_svdvals` insists on naming a driver, which exists on CUDA only.
    let (_, values, _) = matrices.f_svd(true, false)?;
    Ok(values)
}

/// Length of each row, `[N]`, in float64.
fn lengths(rows: &Tensor) -> Tensor {
    init::row_norms(&rows.to_kind(Kind::Double))
}

/// Each row times its factor.
fn scaled(rows: &Tensor, factors: &Tensor) -> Tensor {
    rows * by_row(&factors.to_kind(rows.kind()), rows)
}

/// 1/length, or 0 for a row that has none: then what follows of it is 0 too.
fn inverse(lengths: &Tensor) -> Tensor {
    let alive = lengths.gt(0.0).to_kind(Kind::Double);
    alive / lengths.clamp_min(f64::MIN_POSITIVE)
}

impl Linearization {
    /// Linearizes `map` at the rows of `x`.
    pub fn new(map: &dyn Fn(&Tensor) -> Tensor, x: &Tensor) -> Result<Linearization> {
        let x = x.detach().copy().set_requires_grad(true);
        let y = map(&x);
        Ok(Linearization { x, y })
    }

    /// Numbers in a row of x.
    pub fn inputs(&self) -> i64 {
        self.x.size().iter().skip(1).product()
    }

    /// Numbers in a row of f(x).
    pub fn outputs(&self) -> i64 {
        self.y.size().iter().skip(1).product()
    }

    /// J_nᵀ·u_n.
    pub fn transposed(&self, u: &Tensor) -> Result<Tensor> {
        gradient(&(&self.y * u).sum(None::<Kind>), &self.x, true, false)
    }

    /// Every Jacobian written out, `[N, outputs, inputs]` in float64.
    pub fn matrices(&self) -> Result<Tensor> {
        let flat = self.y.flatten(1, -1);
        let row = |k: i64| -> Result<Tensor> {
            let row = gradient(&flat.select(1, k).sum(None::<Kind>), &self.x, true, false)?;
            Ok(row.flatten(1, -1).to_kind(Kind::Double))
        };
        let rows = (0..self.outputs()).map(row).collect::<Result<Vec<_>>>()?;
        Ok(Tensor::stack(&rows, 1))
    }

    /// One estimate of ‖J_n‖_F²/outputs for each n: ‖J_nᵀu‖²/‖u‖² with random signs u (M. F. Hutchinson,
    /// 1989).
    pub fn hutchinson(&self, seed: u64, index: u64) -> Result<Tensor> {
        let u = signs(&self.y, seed, index);
        Ok(lengths(&self.transposed(&u)?).square() / self.outputs() as f64)
    }

    /// Ritz values `[N, steps]` of the Jacobians after so many steps of bidiagonalization (G. Golub and
    /// W. Kahan, 1965): the largest approaches the largest singular value from below. Without
    /// reorthogonalization, so that inner values may repeat.
    pub fn lanczos(&self, steps: usize, mut start: ChaCha8Rng) -> Result<Tensor> {
        let steps = steps.min(self.inputs().min(self.outputs()).max(1) as usize);
        // J·v as the derivative of v·(Jᵀw) by w: Jᵀw is linear in w.
        let w = self.y.zeros_like().set_requires_grad(true);
        let pulled = gradient(&(&self.y * &w).sum(None::<Kind>), &self.x, true, true)?;
        let forward = |v: &Tensor| gradient(&(&pulled * v).sum(None::<Kind>), &w, true, false);

        // Jᵀ of a random vector: nothing of it is lost to J, so that min(inputs, outputs) steps are exact.
        let random = init::standard_normal(&self.y.size(), &mut start);
        let random = random.to_device(self.y.device()).to_kind(self.y.kind());
        let v = self.transposed(&random)?;
        let mut v = scaled(&v, &inverse(&lengths(&v)));
        let mut u = forward(&v)?;
        let (mut alphas, mut betas) = (Vec::new(), Vec::new());
        for step in 0..steps {
            let alpha = lengths(&u);
            u = scaled(&u, &inverse(&alpha));
            let rest = self.transposed(&u)? - scaled(&v, &alpha);
            alphas.push(alpha);
            if step + 1 < steps {
                let beta = lengths(&rest);
                v = scaled(&rest, &inverse(&beta));
                u = forward(&v)? - scaled(&u, &beta);
                betas.push(beta);
            }
        }
        let mut bidiagonal = Tensor::stack(&alphas, 1).diag_embed(0, 1, 2);
        if !betas.is_empty() {
            bidiagonal += Tensor::stack(&betas, 1).diag_embed(1, 1, 2);
        }
        singular_values(&bidiagonal)
    }
}
