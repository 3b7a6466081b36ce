//! A small HTTP server on 127.0.0.1 that misbehaves on demand.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How the server behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manners {
    /// Whether it honors `Range`.
    pub(super) ranges: bool,
    /// After how many bytes of a body it hangs up.
    pub(super) cut_after: Option<usize>,
    /// Whether it answers `Range` with other bytes than those asked for.
    pub(super) wrong_ranges: bool,
    /// Whether it does not say how long a body is.
    pub(super) without_length: bool,
    /// Whether it sends a few bytes at a time.
    pub(super) slow: bool,
    /// A status it gives to everything.
    pub(super) status: Option<&'static str>,
}

impl Default for Manners {
    fn default() -> Manners {
        Manners {
            ranges: true,
            cut_after: None,
            wrong_ranges: false,
            without_length: false,
            slow: false,
            status: None,
        }
    }
}

/// The running server; it stops when dropped.
pub(super) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `files`, pairs of path and content.
    pub(super) fn start(files: &[(String, Vec<u8>)], manners: Manners) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, stop) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(AtomicBool::new(false)),
        );
        let (files, log, stopped) = (files.to_vec(), requests.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                // A client that hangs up first is not this server's concern.
                let _ = answer(stream.unwrap(), &files, manners, &log);
            }
        });
        Server {
            address,
            requests,
            stop,
            thread: Some(thread),
        }
    }

    /// The address of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far: path, and range if one was asked for.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread, so that it sees the flag.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(
    mut stream: TcpStream,
    files: &[(String, Vec<u8>)],
    manners: Manners,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or("").to_owned();
    let mut range = None;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        range = line.strip_prefix("range: ").map(str::to_owned).or(range);
    }
    let request = [Some(path.as_str()), range.as_deref()]
        .into_iter()
        .flatten();
    log.lock()
        .unwrap()
        .push(request.collect::<Vec<_>>().join(" "));
    let content = files
        .iter()
        .find(|(name, _)| *name == path)
        .map(|(_, content)| content);
    let status = manners
        .status
        .or(content.is_none().then_some("404 Not Found"));
    if let Some(status) = status {
        return write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nerror"
        );
    }
    let content = content.map_or(&[][..], Vec::as_slice);
    let start = range.filter(|_| manners.ranges).and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse::<usize>()
            .ok()
    });
    let total = content.len();
    let (status, body, extra) = match start {
        Some(start) if start >= total => (
            "416 Range Not Satisfiable",
            &[][..],
            format!("Content-Range: bytes */{total}\r\n"),
        ),
        Some(start) => {
            let first = start + usize::from(manners.wrong_ranges);
            (
                "206 Partial Content",
                &content[first..],
                format!("Content-Range: bytes {first}-{}/{total}\r\n", total - 1),
            )
        }
        None => ("200 OK", content, String::new()),
    };
    let length = body.len();
    let length_line = match manners.without_length {
        true => String::new(),
        false => format!("Content-Length: {length}\r\n"),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{length_line}{extra}Connection: close\r\n\r\n"
    )?;
    let sent = &body[..manners.cut_after.unwrap_or(length).min(length)];
    let piece = if manners.slow { 100 } else { sent.len().max(1) };
    for bytes in sent.chunks(piece) {
        stream.write_all(bytes)?;
        if manners.slow {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(())
}
