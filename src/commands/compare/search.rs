//! A sweep on its way: which settings are still in it, how far each is to be trained, which one was chosen.
//!
//! With halving there are several rounds. In each, the settings still in are trained to the round's epoch (a rung of
//! the ladder) and judged; the better ones go on, and the others stay where they are. Without halving there is one
//! round, to the end. Every judgment follows from rows of `metrics.csv` that never change once they are written, so
//! a sweep that was killed and is started again decides the same and finds the runs as far as they were.

use anyhow::Result;

use super::choose::{Choice, Tried};
use super::plan::PlanEntry;
use crate::config::sweep::Candidate;
use crate::config::sweep::halving::Halving;

/// A sweep's runs with what was found out about them.
#[derive(Clone)]
pub struct SweepSearch {
    /// The runs, in the plan's order. Those of settings that were dropped have a goal that they have reached.
    pub entries: Vec<PlanEntry>,
    cells: Vec<CellSearch>,
    halving: Option<Halving>,
    /// Rounds that were judged.
    rounds: usize,
}

/// What is tried for one method at one batch size.
#[derive(Clone)]
struct CellSearch {
    label: String,
    batch_size: usize,
    tried: Vec<Tried>,
    /// Places in `tried` of the settings still in, the best first once they were judged.
    left: Vec<usize>,
    /// Epochs before the end after which settings are judged.
    rungs: Vec<u64>,
    over: bool,
}

impl SweepSearch {
    /// A sweep at its beginning; `candidates` says for each run what it tries.
    pub fn new(
        entries: Vec<PlanEntry>,
        candidates: &[Candidate],
        halving: Option<Halving>,
    ) -> SweepSearch {
        let mut cells: Vec<CellSearch> = Vec::new();
        for (place, (entry, candidate)) in entries.iter().zip(candidates).enumerate() {
            let cell = CellSearch::of(entry, &mut cells, halving);
            cell.add(place, entry, candidate);
        }
        let mut search = SweepSearch {
            entries,
            cells,
            halving,
            rounds: 0,
        };
        search.set_goals();
        search
    }

    /// Judges as many rounds as the runs have been trained for. Whether that was all.
    pub fn catch_up(&mut self) -> Result<bool> {
        while self.entries.iter().all(PlanEntry::is_done) {
            if self.judge()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Judges the settings still in, for whose runs this round is over, and sets the goals of the next round. Whether
    /// there is none.
    pub fn judge(&mut self) -> Result<bool> {
        for cell in self.cells.iter_mut().filter(|cell| !cell.over) {
            cell.judge(&self.entries, self.rounds, self.halving)?;
        }
        self.rounds += 1;
        self.set_goals();
        Ok(self.cells.iter().all(|cell| cell.over))
    }

    /// What the round is called.
    pub fn title(&self) -> String {
        match self.halving {
            None => "sweep: ".to_owned(),
            Some(_) => format!("sweep, round {}: ", self.rounds + 1),
        }
    }

    /// The setting of the lowest error for each method and batch size, and what was tried.
    pub fn choice(&self) -> Choice {
        let mut choice = Choice::default();
        for cell in &self.cells {
            if let Some(&best) = cell.left.first() {
                choice.add(&cell.label, cell.batch_size, &cell.tried, best);
            }
        }
        choice.tried.clone_from(&self.entries);
        choice
    }

    /// Sets goals for all rounds to come as if the settings went on in their present order, for an estimate of the
    /// whole sweep's time.
    pub fn look_ahead(&mut self) {
        let Some(halving) = self.halving else { return };
        for cell in self.cells.iter().filter(|cell| !cell.over) {
            let mut left = cell.left.as_slice();
            for round in self.rounds.. {
                let goal = cell.goal(round, left.len());
                cell.set_goal(left, goal, &mut self.entries);
                if goal.is_none() {
                    break;
                }
                left = left.get(..halving.kept(left.len())).unwrap_or(left);
            }
        }
    }

    fn set_goals(&mut self) {
        for cell in self.cells.iter().filter(|cell| !cell.over) {
            let goal = cell.goal(self.rounds, cell.left.len());
            cell.set_goal(&cell.left, goal, &mut self.entries);
        }
    }
}

impl CellSearch {
    /// The cell of a run, made where there is none yet.
    fn of<'c>(
        entry: &PlanEntry,
        cells: &'c mut Vec<CellSearch>,
        halving: Option<Halving>,
    ) -> &'c mut CellSearch {
        let batch_size = entry.config.batch_size;
        let is_it = |cell: &CellSearch| {
            cell.label == entry.key.group.label && cell.batch_size == batch_size
        };
        let place = cells.iter().position(is_it).unwrap_or_else(|| {
            cells.push(CellSearch {
                label: entry.key.group.label.clone(),
                batch_size,
                tried: Vec::new(),
                left: Vec::new(),
                rungs: halving.map_or(Vec::new(), |halving| halving.rungs(entry.config.epochs)),
                over: false,
            });
            cells.len() - 1
        });
        &mut cells[place]
    }

    fn add(&mut self, place: usize, entry: &PlanEntry, candidate: &Candidate) {
        let is_it = |one: &Tried| one.candidate == *candidate;
        let index = self.tried.iter().position(is_it).unwrap_or_else(|| {
            self.left.push(self.tried.len());
            self.tried.push(Tried::new(entry, candidate));
            self.tried.len() - 1
        });
        self.tried[index].runs.push(place);
    }

    /// The epoch to train to in a round with so many settings; `None` is the end, where a single one goes at once.
    fn goal(&self, round: usize, settings: usize) -> Option<u64> {
        let rung = self.rungs.get(round).copied();
        rung.filter(|_| settings > 1)
    }

    fn set_goal(&self, settings: &[usize], goal: Option<u64>, entries: &mut [PlanEntry]) {
        for run in settings.iter().flat_map(|&index| &self.tried[index].runs) {
            entries[*run].until_epoch = goal;
        }
    }

    fn judge(
        &mut self,
        entries: &[PlanEntry],
        round: usize,
        halving: Option<Halving>,
    ) -> Result<()> {
        let at_end = self.goal(round, self.left.len()).is_none();
        for &index in &self.left {
            self.tried[index].judge(entries)?;
        }
        self.left
            .sort_by(|&one, &other| self.tried[one].compare(&self.tried[other]));
        if let Some(halving) = halving.filter(|_| !at_end) {
            self.left.truncate(halving.kept(self.left.len()));
            // One stays in any case, so that something is chosen.
            let trains = |index: &usize| !self.tried[*index].all_diverged();
            let last = self.left.iter().rposition(trains);
            self.left.truncate(last.unwrap_or(0) + 1);
        }
        self.over = at_end;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
