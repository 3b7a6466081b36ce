//! One file over HTTP, continued where an earlier attempt broke off.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
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
    /// most. What has arrived stays in `partial` on failure.
    pub(super) fn download(
        &self,
        url: &str,
        partial: &Path,
        most: u64,
        progress: FetchProgress,
    ) -> Result<()> {
        let mut furthest = length(partial)?;
        let (mut attempts, mut fruitless) = (0, 0);
        while let Some(error) = self.attempt(url, partial, most, progress)? {
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
        Ok(())
    }

    /// One request. An error is final; one that may pass is returned as a value.
    fn attempt(
        &self,
        url: &str,
        partial: &Path,
        most: u64,
        progress: FetchProgress,
    ) -> Result<Option<anyhow::Error>> {
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
            Err(error) => return Ok(Some(anyhow!("cannot reach {url}{}: {error}", self.proxy()))),
        };
        let (start, mut total) = content_range(&response);
        let from = match response.status() {
            StatusCode::OK => {
                total = response.body().content_length();
                0
            }
            StatusCode::PARTIAL_CONTENT if start == Some(here) => here,
            StatusCode::RANGE_NOT_SATISFIABLE if total == Some(here) => {
                progress(here, Some(here));
                return Ok(None);
            }
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if here > 0 => {
                std::fs::remove_file(partial)
                    .with_context(|| format!("cannot remove {}", partial.display()))?;
                return Ok(Some(anyhow!(
                    "{url} does not continue where the download broke off"
                )));
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Ok(Some(anyhow!("{url} answers: {status}")));
            }
            status => bail!("{url} answers: {status}"),
        };
        let longest = total.unwrap_or(0);
        ensure!(
            longest <= most,
            "{url} has {longest} bytes, but the file has at most {most}"
        );
        let body = response.body_mut().as_reader();
        let mut tell = |done| progress(done, total);
        if let Some(error) = self.receive(body, partial, from, most, &mut tell)? {
            return Ok(Some(error));
        }
        let here = length(partial)?;
        let cut = total.is_some_and(|total| here < total);
        Ok(cut.then(|| anyhow!("the server closed the connection after {here} bytes")))
    }

    /// Puts what a body holds into `partial`, from a byte on. An error as for [`Client::attempt`].
    fn receive(
        &self,
        mut body: impl Read,
        partial: &Path,
        from: u64,
        most: u64,
        tell: &mut dyn FnMut(u64),
    ) -> Result<Option<anyhow::Error>> {
        let context = || format!("cannot write {}", partial.display());
        let mut options = OpenOptions::new();
        options
            .create(true)
            .write(true)
            .append(from > 0)
            .truncate(from == 0);
        let mut file = options.open(partial).with_context(context)?;
        let mut buffer = vec![0; 1 << 16];
        let mut done = from;
        let (mut since, mut until_then) = (Instant::now(), done);
        tell(done);
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => return Ok(Some(anyhow!(error).context("the connection broke"))),
            };
            file.write_all(&buffer[..count]).with_context(context)?;
            done += count as u64;
            tell(done);
            ensure!(
                done <= most,
                "the server sends {done} bytes or more, but the file has at most {most}"
            );
            if since.elapsed() >= self.patience {
                ensure!(
                    done - until_then >= FEWEST_BYTES,
                    "the server sends too slowly; the same command continues"
                );
                (since, until_then) = (Instant::now(), done);
            }
        }
        file.sync_all().with_context(context)?;
        Ok(None)
    }

    /// The proxy in use, as a part of a sentence.
    fn proxy(&self) -> String {
        let Some(proxy) = self.agent.config().proxy() else {
            return String::new();
        };
        let (host, port) = (proxy.host(), proxy.port());
        format!(" through the proxy {host}:{port}, which the environment names")
    }
}

/// Start and total of the header `Content-Range: bytes START-END/TOTAL` or `bytes */TOTAL` (RFC 9110, section 14.4),
/// where they are given.
fn content_range(response: &Response<Body>) -> (Option<u64>, Option<u64>) {
    let header = response.headers().get(header::CONTENT_RANGE);
    let text = header.and_then(|text| text.to_str().ok());
    text.map_or((None, None), parse_content_range)
}

fn parse_content_range(text: &str) -> (Option<u64>, Option<u64>) {
    let parts = text.trim().strip_prefix("bytes ");
    let Some((range, total)) = parts.and_then(|text| text.split_once('/')) else {
        return (None, None);
    };
    let start = range
        .split_once('-')
        .and_then(|(start, _)| start.trim().parse().ok());
    (start, total.trim().parse().ok())
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
