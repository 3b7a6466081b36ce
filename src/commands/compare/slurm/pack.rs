//! Short runs put together into tasks, so that starting a task is a small part of its time.

use super::super::launch::Job;

/// The jobs of each task, which trains `at_once` of them at a time: each lasts at least `task_s` by the estimates and has
/// that many jobs, and there are at most `most_tasks`.
///
/// A run whose time is not known begins a task, as long as there are not too many.
pub fn pack<'j>(
    jobs: &[&'j Job],
    task_s: f64,
    at_once: usize,
    most_tasks: usize,
) -> Vec<Vec<&'j Job>> {
    let most_tasks = most_tasks.max(1);
    // Of the time that all runs of a task take one after the other.
    let mut task_s = task_s * at_once as f64;
    loop {
        let tasks = pack_once(jobs, task_s, at_once);
        if tasks.len() <= most_tasks {
            return tasks;
        }
        let known: f64 = jobs.iter().filter_map(|job| job.estimate_s).sum();
        let wanted = (known / most_tasks as f64).max(task_s * 1.05);
        // Where too many are not known, they are counted instead.
        if !wanted.is_normal() || jobs.iter().any(|job| job.estimate_s.is_none()) {
            let each = jobs.len().div_ceil(most_tasks);
            return jobs.chunks(each).map(<[&Job]>::to_vec).collect();
        }
        task_s = wanted;
    }
}

fn pack_once<'j>(jobs: &[&'j Job], task_s: f64, at_once: usize) -> Vec<Vec<&'j Job>> {
    let mut tasks: Vec<Vec<&Job>> = Vec::new();
    let mut filled_s = f64::INFINITY;
    for job in jobs {
        let seconds = job.estimate_s.unwrap_or(f64::INFINITY);
        match tasks.last_mut() {
            Some(task) if task.len() < at_once || (filled_s < task_s && seconds.is_finite()) => {
                task.push(job);
                filled_s += seconds;
            }
            _ => {
                tasks.push(vec![job]);
                filled_s = seconds;
            }
        }
    }
    // What is left over at the end makes the task before it a little longer.
    if filled_s < task_s
        && tasks.len() > 1
        && let Some(rest) = tasks.pop()
        && let Some(last) = tasks.last_mut()
    {
        last.extend(rest);
    }
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn jobs(seconds: &[Option<f64>]) -> Vec<Job> {
        let job = |(place, estimate_s): (usize, &Option<f64>)| Job {
            title: place.to_string(),
            run_dir: "r".into(),
            config: String::new(),
            threads: None,
            device: None,
            epochs: 1,
            estimate_s: *estimate_s,
            until_epoch: None,
        };
        seconds.iter().enumerate().map(job).collect()
    }

    fn packed(seconds: &[Option<f64>], task_s: f64, most: usize) -> Vec<Vec<usize>> {
        packed_for(seconds, task_s, 1, most)
    }

    fn packed_for(
        seconds: &[Option<f64>],
        task_s: f64,
        at_once: usize,
        most: usize,
    ) -> Vec<Vec<usize>> {
        let jobs = jobs(seconds);
        let tasks = pack(&jobs.iter().collect::<Vec<_>>(), task_s, at_once, most);
        let place = |job: &&Job| job.title.parse().unwrap();
        tasks
            .iter()
            .map(|task| task.iter().map(place).collect())
            .collect()
    }

    #[test]
    fn short_runs_share_a_task_and_long_ones_do_not() {
        let seconds = [10.0, 20.0, 40.0, 100.0, 5.0, 5.0].map(Some);
        assert_eq!(packed(&seconds, 60.0, 100), [vec![0, 1, 2], vec![3, 4, 5]]);
        assert_eq!(packed(&seconds, 0.0, 100).len(), 6);
        assert_eq!(packed(&seconds, 1e9, 100), [vec![0, 1, 2, 3, 4, 5]]);
        assert!(packed(&[], 60.0, 100).is_empty());
    }

    #[test]
    fn a_run_of_unknown_length_begins_a_task() {
        let seconds = [Some(1.0), None, Some(70.0), Some(1.0)];
        assert_eq!(packed(&seconds, 60.0, 100), [vec![0], vec![1], vec![2, 3]]);
        assert_eq!(packed(&[None; 5], 60.0, 2), [vec![0, 1, 2], vec![3, 4]]);
    }

    #[test]
    fn a_task_that_trains_several_at_a_time_has_as_many_and_lasts_as_long() {
        assert_eq!(
            packed_for(&[None; 5], 60.0, 4, 9),
            [vec![0, 1, 2, 3], vec![4]]
        );
        let seconds = [Some(40.0); 8];
        assert_eq!(
            packed_for(&seconds, 60.0, 2, 9),
            [vec![0, 1, 2], vec![3, 4, 5, 6, 7]]
        );
        assert_eq!(
            packed_for(&seconds, 0.0, 4, 9),
            [vec![0, 1, 2, 3], vec![4, 5, 6, 7]]
        );
    }

    proptest! {
        #[test]
        fn every_run_is_in_one_task_and_tasks_are_few_and_long_enough(
            seconds in proptest::collection::vec(0.1..100.0f64, 1..60), task_s in 0.0..300.0f64, most in 1usize..20,
        ) {
            let known: Vec<Option<f64>> = seconds.iter().copied().map(Some).collect();
            let tasks = packed(&known, task_s, most);
            prop_assert!(tasks.len() <= most);
            prop_assert_eq!(tasks.concat(), (0..seconds.len()).collect::<Vec<_>>());
            let long_enough = |task: &Vec<usize>| task.iter().map(|&place| seconds[place]).sum::<f64>() >= task_s;
            prop_assert!(tasks.len() == 1 || tasks.iter().all(long_enough));
        }
    }
}
