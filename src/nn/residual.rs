//! Residual units as data: which part a block plays in y = c·(shortcut(x) + branch(x)).
//!
//! A network stays a list of blocks. What a block's part says about it is all that a pass through the blocks needs: whether it keeps a
//! signal as the stream that its unit adds to, acts on that stream, or ends its unit with the sum.
//!
//! - Post-activation, v1 (He, Zhang, Ren, Sun, CVPR 2016, arXiv:1512.03385): y = f(shortcut(x) + N(W₂·f(N(W₁·x)))).
//!   Blocks: first, (projection,) second, after the sum.
//! - Pre-activation, v2 (the same, ECCV 2016, arXiv:1603.05027): y = shortcut + W₂·f(N(W₁·f(N(x)))).
//!   Blocks: entry, (projection,) first, second. A projection receives f(N(x)), an identity x itself.

/// Where normalization N and activation f stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Behind each convolution and behind the sum: v1.
    PostActivation,
    /// Before each convolution: v2.
    PreActivation,
}

impl Order {
    /// Both.
    pub const ALL: &[Order] = &[Order::PostActivation, Order::PreActivation];

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Order::PostActivation => "v1",
            Order::PreActivation => "v2",
        }
    }

    /// The order of this name; v2 where there is none.
    pub fn named(name: &str) -> Order {
        match name {
            "v1" => Order::PostActivation,
            _ => Order::PreActivation,
        }
    }
}

/// What the branch is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortcut {
    /// The stream itself.
    Identity,
    /// Option A: every `stride`-th row and column of the stream, then `channels` channels of zeros behind its own.
    Pad {
        /// Step between the rows and columns taken.
        stride: i64,
        /// Channels of zeros.
        channels: i64,
    },
    /// Option B: what a 1×1 convolution makes of it, a block of its own.
    Projection,
}

/// What a block does in a residual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The convolution that sees the data.
    Stem,
    /// v2: normalization and activation in front of a unit.
    Entry,
    /// The 1×1 convolution on the shortcut.
    Projection,
    /// A branch's first convolution.
    First,
    /// A branch's second convolution, and the sum.
    Second,
    /// v1: the activation behind the sum.
    AfterSum,
    /// v2: normalization and activation behind the last unit.
    Head,
}

/// Where in the network a block stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Units before this one; of the head, all; of the activation behind a sum, its own too.
    pub unit: i64,
    /// Units of the network.
    pub units: i64,
    /// Units of the block's stage before this one.
    pub unit_in_stage: i64,
    /// Units of its stage.
    pub units_in_stage: i64,
    /// What the stream consists of that enters the unit, or that an activation behind the sum receives.
    pub stream: Stream,
}

/// A stream's variance averaged over channels, `base` + `branches`·α², where its start and each branch have variance 1
/// and branches enter multiplied by α.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stream {
    /// Of the start: 1, and less where channels of zeros were appended.
    pub base: f64,
    /// Of the branches.
    pub branches: f64,
    /// Units since the start that added to the stream itself.
    pub sums: usize,
}

impl Stream {
    /// The stream behind the stem or a projection.
    pub const START: Stream = Stream {
        base: 1.0,
        branches: 0.0,
        sums: 0,
    };

    /// The stream behind a unit with this shortcut, `inputs` channels before it.
    pub fn behind(self, shortcut: Shortcut, inputs: i64) -> Stream {
        let sums = self.sums + 1;
        let kept = match shortcut {
            Shortcut::Identity => Stream { sums, ..self },
            Shortcut::Projection => Stream::START,
            Shortcut::Pad { channels, .. } => {
                let share = inputs as f64 / (inputs + channels) as f64;
                Stream {
                    base: self.base * share,
                    branches: self.branches * share,
                    sums,
                }
            }
        };
        Stream {
            branches: kept.branches + 1.0,
            ..kept
        }
    }

    /// The variance for this α.
    pub fn variance(self, alpha: f64) -> f64 {
        self.base + self.branches * alpha * alpha
    }
}

/// Which signal a block keeps as the stream that its unit adds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// What it receives.
    Input,
    /// What it hands on.
    Output,
}

/// A block's part in a residual network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residual {
    /// The network's order.
    pub order: Order,
    /// The block's part.
    pub part: Part,
    /// The unit's shortcut; an identity for stem and head.
    pub shortcut: Shortcut,
    /// Its place.
    pub place: Place,
}

impl Residual {
    /// Whether a method that normalizes pre-activations does so here: not where a sum follows or has just been made.
    pub fn has_norm(&self) -> bool {
        match self.order {
            Order::PostActivation => self.part != Part::AfterSum,
            Order::PreActivation => matches!(self.part, Part::Entry | Part::First | Part::Head),
        }
    }

    /// Whether an activation stands in it.
    pub fn is_activated(&self) -> bool {
        match self.part {
            Part::Stem => self.order == Order::PostActivation,
            Part::Entry | Part::First | Part::AfterSum | Part::Head => true,
            Part::Projection | Part::Second => false,
        }
    }

    /// Whether it may hand on more channels than its operation has outputs: not onto the stream, whose channels are
    /// added to a branch's.
    pub fn may_widen(&self) -> bool {
        matches!(self.part, Part::Entry | Part::First | Part::Head)
    }

    /// Which signal it keeps.
    pub fn keeps(&self) -> Option<Kept> {
        match (self.part, self.order) {
            (Part::First, Order::PostActivation) => Some(Kept::Input),
            (Part::Entry, _) if self.shortcut == Shortcut::Projection => Some(Kept::Output),
            (Part::Entry, _) => Some(Kept::Input),
            _ => None,
        }
    }

    /// Whether it acts on the kept stream rather than on the branch.
    pub fn acts_on_shortcut(&self) -> bool {
        self.part == Part::Projection
    }

    /// What its output is added to, where it ends a unit.
    pub fn adds_to(&self) -> Option<Shortcut> {
        (self.part == Part::Second).then_some(self.shortcut)
    }
}
