//! State that a probe disturbs and puts back.

use tch::Tensor;

/// Tensors as they were, put back when this goes out of scope.
pub struct RestoreGuard<'t> {
    tensors: Vec<&'t Tensor>,
    copies: Vec<Tensor>,
}

impl<'t> RestoreGuard<'t> {
    /// Keeps what these tensors hold now.
    pub fn of(tensors: Vec<&'t Tensor>) -> RestoreGuard<'t> {
        let copy = |tensor: &&Tensor| tensor.detach().copy();
        let copies = tensors.iter().map(copy).collect();
        RestoreGuard { tensors, copies }
    }

    /// Puts it back.
    pub fn restore(&self) {
        let _guard = tch::no_grad_guard();
        for (tensor, copy) in self.tensors.iter().zip(&self.copies) {
            tensor.shallow_clone().copy_(copy);
        }
    }
}

impl Drop for RestoreGuard<'_> {
    fn drop(&mut self) {
        self.restore();
    }
}
