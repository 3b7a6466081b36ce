//! Downloads from a server on this machine.

use super::super::test_server::{Manners, Server};
use super::*;

type Told = (u64, Option<u64>);

const MOST: u64 = 400_000;

struct Trial {
    folder: tempfile::TempDir,
    server: Server,
    content: Vec<u8>,
}

impl Trial {
    fn new(manners: Manners) -> Trial {
        let content: Vec<u8> = (0..300_000_u32).map(|i| (i % 251) as u8).collect();
        let server = Server::start(&[("/file".into(), content.clone())], manners);
        Trial {
            folder: tempfile::tempdir().unwrap(),
            server,
            content,
        }
    }

    fn with_partial(manners: Manners, partial: &[u8]) -> Trial {
        let trial = Trial::new(manners);
        std::fs::write(trial.folder.path().join("part"), partial).unwrap();
        trial
    }

    /// Downloads: the result, the file's content, what progress was told.
    fn run(&self) -> (Result<()>, Vec<u8>, Vec<Told>) {
        let path = self.folder.path().join("part");
        let mut seen = Vec::new();
        let url = self.server.url("/file");
        let result = Client::local().download(&url, &path, MOST, &mut |done, total| {
            seen.push((done, total))
        });
        (result, std::fs::read(path).unwrap_or_default(), seen)
    }
}

#[test]
fn a_whole_file_arrives_with_progress() {
    let trial = Trial::new(Manners::default());
    let (result, bytes, seen) = trial.run();
    result.unwrap();
    assert_eq!(bytes, trial.content);
    assert_eq!(seen.first(), Some(&(0, Some(300_000))));
    assert_eq!(seen.last(), Some(&(300_000, Some(300_000))));
    assert!(seen.is_sorted());
}

#[test]
fn a_partial_file_is_continued() {
    let content: Vec<u8> = (0..300_000_u32).map(|i| (i % 251) as u8).collect();
    let trial = Trial::with_partial(Manners::default(), &content[..123_457]);
    let (result, bytes, seen) = trial.run();
    result.unwrap();
    assert_eq!(bytes, trial.content);
    assert_eq!(seen[0], (123_457, Some(300_000)));
    assert_eq!(trial.server.requests(), ["/file bytes=123457-"]);
}

#[test]
fn a_connection_that_breaks_is_taken_up_again() {
    let trial = Trial::new(Manners {
        cut_after: Some(110_000),
        ..Manners::default()
    });
    let (result, bytes, _) = trial.run();
    result.unwrap();
    assert_eq!(bytes, trial.content);
    let expected = ["/file", "/file bytes=110000-", "/file bytes=220000-"];
    assert_eq!(trial.server.requests(), expected);
}

#[test]
fn a_server_without_ranges_starts_again() {
    let manners = Manners {
        ranges: false,
        ..Manners::default()
    };
    let trial = Trial::with_partial(manners, b"something else");
    let (result, bytes, seen) = trial.run();
    result.unwrap();
    assert_eq!(bytes, trial.content);
    assert_eq!(seen[0], (0, Some(300_000)));
}

#[test]
fn a_complete_partial_file_is_enough_and_a_longer_one_is_dropped() {
    let whole = Trial::new(Manners::default()).content;
    let trial = Trial::with_partial(Manners::default(), &whole);
    trial.run().0.unwrap();
    let trial = Trial::with_partial(Manners::default(), &[whole.as_slice(), b"more"].concat());
    let (result, bytes, _) = trial.run();
    result.unwrap();
    assert_eq!(bytes, whole);
}

#[test]
fn giving_up_keeps_what_arrived_and_says_so() {
    let manners = Manners {
        cut_after: Some(100_000),
        ranges: false,
        ..Manners::default()
    };
    let (result, bytes, _) = Trial::new(manners).run();
    let message = format!("{:#}", result.unwrap_err());
    assert!(
        message.contains("broke off after 100000 bytes; the same command"),
        "{message}"
    );
    assert_eq!(bytes.len(), 100_000);
}

#[test]
fn refusals_are_final_and_named() {
    let trial = Trial::new(Manners {
        status: Some("404 Not Found"),
        ..Manners::default()
    });
    let (result, bytes, _) = trial.run();
    assert!(format!("{:#}", result.unwrap_err()).contains("/file answers: 404 Not Found"));
    assert!(bytes.is_empty(), "an error page is not data");
    assert_eq!(trial.server.requests().len(), 1);

    let busy = Trial::new(Manners {
        status: Some("503 Busy"),
        ..Manners::default()
    });
    assert!(format!("{:#}", busy.run().0.unwrap_err()).contains("503"));
    assert_eq!(
        busy.server.requests().len(),
        3,
        "a busy server is asked again"
    );
}

#[test]
fn https_that_fails_and_addresses_that_are_none_are_errors() {
    let trial = Trial::new(Manners::default());
    let path = trial.folder.path().join("part");
    let fails = |url: &str| {
        let error = Client::local()
            .download(url, &path, MOST, &mut |_, _| {})
            .unwrap_err();
        format!("{error:#}")
    };
    let https = trial.server.url("/file").replace("http:", "https:");
    assert!(fails(&https).contains("cannot reach https://127.0.0.1"));
    assert!(fails("http://").contains("not a usable address"));
    assert!(!path.exists());
}

#[test]
fn a_server_that_never_gets_further_is_given_up() {
    let trial = Trial::new(Manners {
        cut_after: Some(100_000),
        wrong_ranges: true,
        ..Manners::default()
    });
    let (result, ..) = trial.run();
    assert!(format!("{:#}", result.unwrap_err()).contains("broke off"));
    assert_eq!(trial.server.requests().len(), 4);
}

#[test]
fn a_server_that_breaks_off_after_every_few_bytes_is_given_up() {
    let trial = Trial::new(Manners {
        cut_after: Some(10),
        ..Manners::default()
    });
    let (result, bytes, _) = trial.run();
    assert!(format!("{:#}", result.unwrap_err()).contains("broke off after 500 bytes"));
    assert_eq!((bytes.len(), trial.server.requests().len()), (500, 50));
}

#[test]
fn more_bytes_than_a_file_can_have_are_refused() {
    for without_length in [false, true] {
        let trial = Trial::new(Manners {
            without_length,
            ..Manners::default()
        });
        let path = trial.folder.path().join("part");
        let url = trial.server.url("/file");
        let result = Client::local().download(&url, &path, 1000, &mut |_, _| {});
        let message = format!("{:#}", result.unwrap_err());
        assert!(message.contains("the file has at most 1000"), "{message}");
        assert!(length(&path).unwrap() < 100_000);
    }
}

#[test]
fn a_server_that_sends_too_slowly_is_given_up() {
    let trial = Trial::new(Manners {
        slow: true,
        ..Manners::default()
    });
    let message = format!("{:#}", trial.run().0.unwrap_err());
    assert!(message.contains("sends too slowly"), "{message}");
}

#[test]
fn a_dead_proxy_is_named() {
    let mut client = Client::local();
    let proxy = ureq::Proxy::new("http://127.0.0.1:1").unwrap();
    client.agent = Agent::config_builder().proxy(Some(proxy)).build().into();
    let folder = tempfile::tempdir().unwrap();
    let result = client.download(
        "http://localhost/x",
        &folder.path().join("part"),
        MOST,
        &mut |_, _| {},
    );
    let message = format!("{:#}", result.unwrap_err());
    assert!(
        message.contains("through the proxy 127.0.0.1:1"),
        "{message}"
    );
}

#[test]
fn content_ranges_are_read() {
    assert_eq!(parse_content_range("bytes 5-9/10"), (Some(5), Some(10)));
    assert_eq!(parse_content_range("bytes 5-9/*"), (Some(5), None));
    assert_eq!(parse_content_range("bytes */10"), (None, Some(10)));
    assert_eq!(parse_content_range("items 1-2/3"), (None, None));
}
