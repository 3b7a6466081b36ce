//! One file over HTTP, continued where an earlier attempt broke off.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

/// Attempts in a row that bring a download no further than it was, after which it is given up.
const FRUITLESS_ATTEMPTS: u32 = 3;
/// Attempts in all, for servers that break off again and again.
const MOST_ATTEMPTS: u32 = 50;
/// Fewest bytes in the time that a client waits for them.
const FEWEST_BYTES: u64 = 60_000;

/// Is told how many bytes of the current file are here, and how many there will be if that is known.
pub type FetchProgress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// Makes requests.
pub(super) struct Client {
    agent: Agent,
    /// Between attempts.
    pause: Duration,
    /// How long it may take to receive [`FEWEST_BYTES`].
    patience: Duration,
}

impl Client {
    /// A client for the real network.
    pub(super) fn new() -> Client {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("normprop/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_per_read(Some(Duration::from_secs(60)))
            .build();
        Client {
            agent: agent.into(),
            pause: Duration::from_secs(2),
            patience: Duration::from_secs(60),
        }
    }

    /// A client for servers on this machine: no proxy, no waiting.
    #[cfg(test)]
    pub(super) fn local() -> Client {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .build();
        Client {
            agent: agent.into(),
            pause: Duration::ZERO,
            patience: Duration::from_millis(300),
        }
    }

    /// Downloads `url` to the file `partial`, beginning behind what that file already holds, and `most` bytes at the
    /// most. Returns whether bytes of an earlier call were used. What has arrived stays in `partial` on failure.
    pub(super) fn download(
        &self,
        url: &str,
        partial: &Path,
        most: u64,
        progress: FetchProgress,
    ) -> Result<bool> {
        let mut furthest = length(partial)?;
        let mut resumed = furthest > 0;
        let (mut attempts, mut fruitless) = (0, 0);
        loop {
            let error = match self.attempt(url, partial, most, progress)? {
                Attempt::Complete { restarted } => return Ok(resumed && !restarted),
                Attempt::Broken { error, restarted } => {
                    resumed &= !restarted;
                    error
                }
            };
            let here = length(partial)?;
            attempts += 1;
            fruitless = if here > furthest { 0 } else { fruitless + 1 };
            furthest = furthest.max(here);
            if fruitless == FRUITLESS_ATTEMPTS || attempts == MOST_ATTEMPTS {
                return Err(error.context(format!(
                    "downloading {url} broke off after {here} bytes; the same command continues there"
                )));
            }
            std::thread::sleep(self.pause);
        }
    }

    /// One request. An error is final; what may pass is [`Attempt::Broken`].
    fn attempt(
        &self,
        url: &str,
        partial: &Path,
        most: u64,
        progress: FetchProgress,
    ) -> Result<Attempt> {
        let here = length(partial)?;
        let mut request = self.agent.get(url);
        if here > 0 {
            request = request.header(header::RANGE, format!("bytes={here}-"));
        }
        let mut response = match request.call() {
            Ok(response) => response,
            Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_))) => {
                bail!("{url} is not a usable address ({error})")
            }
            Err(error) => {
                let proxy = self.agent.config().proxy().map(|proxy| {
                    format!(
                        " through the proxy {}:{}, which the environment names",
                        proxy.host(),
                        proxy.port()
                    )
                });
                let proxy = proxy.unwrap_or_default();
                return Ok(Attempt::broken(anyhow!(
                    "cannot reach {url}{proxy}: {error}"
                )));
            }
        };
        let range = content_range(&response);
        match response.status() {
            StatusCode::PARTIAL_CONTENT if range.is_some_and(|range| range.start == Some(here)) => {
                let total = range.and_then(|range| range.total);
                self.receive(&mut response, partial, here, (total, most), progress)
            }
            StatusCode::OK => {
                let total = response.body().content_length();
                self.receive(&mut response, partial, 0, (total, most), progress)
            }
            StatusCode::RANGE_NOT_SATISFIABLE
                if range.is_some_and(|range| range.total == Some(here)) =>
            {
                progress(here, Some(here));
                Ok(Attempt::Complete { restarted: false })
            }
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if here > 0 => {
                std::fs::remove_file(partial)
                    .with_context(|| format!("cannot remove {}", partial.display()))?;
                let error = anyhow!("{url} does not continue where the download broke off");
                Ok(Attempt::Broken {
                    error,
                    restarted: true,
                })
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Ok(Attempt::broken(anyhow!("{url} answers: {status}")))
            }
            status => bail!("{url} answers: {status}"),
        }
    }

    fn receive(
        &self,
        response: &mut Response<Body>,
        partial: &Path,
        from: u64,
        (total, most): (Option<u64>, u64),
        progress: FetchProgress,
    ) -> Result<Attempt> {
        let refuse = |bytes: u64| -> Result<Attempt> {
            bail!("the server sends {bytes} bytes or more, but the file has at most {most}")
        };
        if let Some(total) = total.filter(|&total| total > most) {
            return refuse(total);
        }
        let context = || format!("cannot write {}", partial.display());
        let mut options = OpenOptions::new();
        let mut file = match from {
            0 => File::create(partial),
            _ => options.append(true).open(partial),
        }
        .with_context(context)?;
        let restarted = from == 0;
        let mut done = from;
        let mut reader = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        progress(done, total);
        let (mut since, mut until_then) = (Instant::now(), done);
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    file.write_all(&buffer[..count]).with_context(context)?;
                    done += count as u64;
                    progress(done, total);
                    if done > most {
                        return refuse(done);
                    }
                    if since.elapsed() >= self.patience {
                        if done - until_then < FEWEST_BYTES {
                            let error = anyhow!("the server sends too slowly");
                            return Ok(Attempt::Broken { error, restarted });
                        }
                        (since, until_then) = (Instant::now(), done);
                    }
                }
                Err(error) => {
                    let error = anyhow::Error::from(error).context("the connection broke");
                    return Ok(Attempt::Broken { error, restarted });
                }
            }
        }
        file.sync_all().with_context(context)?;
        if total.is_some_and(|total| done < total) {
            let error = anyhow!("the server closed the connection after {done} bytes");
            return Ok(Attempt::Broken { error, restarted });
        }
        Ok(Attempt::Complete { restarted })
    }
}

/// How a request went. `restarted`: what was there before was thrown away.
enum Attempt {
    Complete {
        restarted: bool,
    },
    Broken {
        error: anyhow::Error,
        restarted: bool,
    },
}

impl Attempt {
    fn broken(error: anyhow::Error) -> Attempt {
        Attempt::Broken {
            error,
            restarted: false,
        }
    }
}

/// The header `Content-Range: bytes START-END/TOTAL`, or `bytes */TOTAL` (RFC 9110, section 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ContentRange {
    start: Option<u64>,
    total: Option<u64>,
}

fn content_range(response: &Response<Body>) -> Option<ContentRange> {
    parse_content_range(
        response
            .headers()
            .get(header::CONTENT_RANGE)?
            .to_str()
            .ok()?,
    )
}

fn parse_content_range(text: &str) -> Option<ContentRange> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let start = range
        .split_once('-')
        .and_then(|(start, _)| start.trim().parse().ok());
    Some(ContentRange {
        start,
        total: total.trim().parse().ok(),
    })
}

/// Bytes in a file, 0 if there is none.
fn length(path: &Path) -> Result<u64> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests;
