//! What a method acts on, and what it does with a batch of one image.

/// What a method normalizes; several of these, or none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActsOn {
    /// The weights.
    Weights,
    /// The linear operation as a whole: weights and inputs.
    LinearOperation,
    /// The pre-activation.
    PreActivation,
    /// The activation, or what comes out of it.
    Activation,
    /// The optimizer's update.
    Update,
}

impl ActsOn {
    fn name(self) -> &'static str {
        match self {
            ActsOn::Weights => "weights",
            ActsOn::LinearOperation => "linear operation",
            ActsOn::PreActivation => "pre-activation",
            ActsOn::Activation => "activation",
            ActsOn::Update => "update",
        }
    }

    /// The names of `all`, for tables and JSON.
    pub fn names(all: &[ActsOn]) -> String {
        if all.is_empty() {
            return "nothing".into();
        }
        let names: Vec<&str> = all.iter().map(|one| one.name()).collect();
        names.join(", ")
    }
}

/// What happens when a training batch holds one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSizeOne {
    /// As at any other size.
    Works,
    /// Runs, but training and evaluation compute different functions.
    Degenerates,
    /// Undefined, and refused with an error.
    Refused,
    /// The method does not serve such layers at any batch size.
    Unsupported,
}

impl BatchSizeOne {
    /// Name for tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            BatchSizeOne::Works => "works",
            BatchSizeOne::Degenerates => "degenerates",
            BatchSizeOne::Refused => "refused",
            BatchSizeOne::Unsupported => "unsupported",
        }
    }
}
