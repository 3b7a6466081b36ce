//! The page of a comparison that is not over: how far it is, above what there is of its results.

use super::Results;
use super::page::page;
use crate::report::html_page::{HtmlPage, Section};
use crate::text::Table;
use crate::text::numbers::{counted, duration};

/// The page loads itself again after so many seconds while the comparison goes on.
const RELOAD_S: u32 = 10;

/// How far a comparison is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SoFar {
    /// Runs that are over.
    pub over: usize,
    /// Runs that are being trained.
    pub running: usize,
    /// Runs that are still to be started.
    pub waiting: usize,
    /// Runs that failed for now.
    pub failed: usize,
    /// Seconds that all will still take, about.
    pub left_s: f64,
    /// Whether somebody is at it.
    pub is_going_on: bool,
    /// The same for each method, batch size and learning rate.
    pub groups: Table,
}

impl SoFar {
    /// The page, which loads itself again while the comparison goes on.
    pub fn page(&self, results: &Results) -> HtmlPage {
        let mut page = page(results, None);
        page.reload_s = self.is_going_on.then_some(RELOAD_S);
        let section = Section::new("How far it is").paragraph(self.sentence());
        page.sections.insert(0, section.table(&self.groups));
        page
    }

    fn sentence(&self) -> String {
        let all = self.over + self.running + self.waiting + self.failed;
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        let over = format!("{} of {} over", self.over, counted(all as u64, "run"));
        match self.is_going_on {
            true => format!(
                "{over}, {} running, {} waiting{failed}; about {} left. This page loads itself again every {RELOAD_S} seconds until all are over.",
                self.running,
                self.waiting,
                duration(self.left_s)
            ),
            false => format!(
                "{over}{failed}. No process works on the others; the same command continues."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::comparison::conclusion::tests::{LOW, results};

    #[test]
    fn the_page_says_how_far_all_is_and_reloads_until_it_is_over() {
        let mut so_far = SoFar {
            over: 3,
            running: 2,
            waiting: 4,
            failed: 1,
            left_s: 90.0,
            is_going_on: true,
            groups: Table::default(),
        };
        let results = results(&[("bn", 1, LOW)]);
        let page = so_far.page(&results).render();
        let said = "3 of 10 runs over, 2 running, 4 waiting, 1 failed; about 1 min 30 s left.";
        let reload = "http-equiv=\"refresh\" content=\"10\"";
        assert!(page.contains(said) && page.contains(reload), "{page}");
        let first = page.find("How far it is").unwrap();
        assert!(first < page.find("What came out").unwrap());
        so_far.is_going_on = false;
        let stopped = so_far.page(&results).render();
        assert!(stopped.contains("3 of 10 runs over, 1 failed. No process works on the others"));
        assert!(!stopped.contains("http-equiv=\"refresh\""));
        assert!(
            !super::page(&results, None)
                .render()
                .contains("http-equiv=\"refresh\"")
        );
    }
}
