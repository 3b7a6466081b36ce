//! The GPUs that runs beside each other are spread over.

use tch::Cuda;

/// The variable by which a process sees some of the machine's GPUs only, the first of them as `cuda`.
pub const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

/// The GPUs that this process sees, each as [`VISIBLE`] names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gpus(Vec<String>);

impl Gpus {
    /// Those of this process.
    pub fn here() -> Gpus {
        let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
        Gpus::of(count, std::env::var(VISIBLE).ok().as_deref())
    }

    fn of(count: usize, visible: Option<&str>) -> Gpus {
        let visible = visible.filter(|names| !names.trim().is_empty());
        let names: Vec<String> = match visible {
            None => (0..count).map(|number| number.to_string()).collect(),
            Some(names) => names
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect(),
        };
        Gpus(names.into_iter().take(count).collect())
    }

    /// The GPU with the fewest runs, by its place, where there are several; `busy` are the places of those running.
    pub fn least_busy(&self, busy: &[usize]) -> Option<usize> {
        if self.0.len() < 2 {
            return None;
        }
        let runs = |place: &usize| busy.iter().filter(|other| *other == place).count();
        (0..self.0.len()).min_by_key(runs)
    }

    /// What [`VISIBLE`] calls the GPU at a place.
    pub fn name(&self, place: usize) -> &str {
        &self.0[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_the_process_sees_are_named_as_it_sees_them() {
        let names = |count, visible| Gpus::of(count, visible).0;
        assert_eq!(names(3, None), ["0", "1", "2"]);
        assert_eq!(names(2, Some("5, GPU-ab,7")), ["5", "GPU-ab"]);
        assert_eq!(names(2, Some("")), ["0", "1"]);
        assert!(names(0, None).is_empty());
    }

    #[test]
    fn runs_go_where_the_fewest_are() {
        let gpus = Gpus::of(3, None);
        let next = |busy: &[usize]| gpus.least_busy(busy);
        assert_eq!([next(&[]), next(&[0]), next(&[0, 1])], [0, 1, 2].map(Some));
        assert_eq!([next(&[0, 1, 2]), next(&[0, 2, 0, 1])], [Some(0), Some(1)]);
        assert_eq!(Gpus::of(1, None).least_busy(&[0, 0]), None);
    }
}
