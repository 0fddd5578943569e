//! Writes lines to a file descriptor that may be slow, full or closed. The caller neither waits nor gets an error.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The most bytes that may be queued.
const LARGEST_BACKLOG: usize = 1024 * 1024;
/// The pause after the last queued line. Lines of the next requests wait in the queue meanwhile, so that not each of them
/// wakes the thread.
const PAUSE: Duration = Duration::from_millis(2);
/// The pause before another write to a descriptor that another process has made non-blocking and that is full.
const RETRY: Duration = Duration::from_millis(10);

/// Writes lines on a thread of its own. Lines that do not fit into the queue or cannot be written are lost and counted.
/// The count is written as soon as writing works again.
#[derive(Clone)]
pub(crate) struct LossyWriter(Arc<Shared>);

struct Shared {
    queue: Mutex<LogQueue>,
    changed: Condvar,
}

#[derive(Default)]
struct LogQueue {
    lines: VecDeque<Line>,
    bytes: usize,
    /// Lines lost since the last one in the queue.
    lost: u64,
    /// Whether the thread writes or pauses. It then looks for more lines without a notification.
    is_awake: bool,
}

struct Line {
    /// Lines lost before this one.
    lost_before: u64,
    text: Vec<u8>,
}

impl LossyWriter {
    /// Starts the thread. `note` formats the line that reports how many lines were lost.
    pub(crate) fn start(to: impl Write + Send + 'static, note: fn(u64) -> String) -> Self {
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        let work = move || write_all_lines(&of_thread, &mut Descriptor { to, is_in_a_line: false }, note);
        // If the thread cannot be started, only log lines are lost.
        let _ = thread::Builder::new().name("log".to_owned()).spawn(work);
        Self(shared)
    }

    /// Waits until all lines have been written, for `patience` at most.
    pub(crate) fn flush_within(&self, patience: Duration) {
        let give_up = Instant::now() + patience;
        let mut queue = self.0.lock();
        while queue.is_awake || !queue.lines.is_empty() {
            let rest = give_up.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return;
            }
            queue = self.0.changed.wait_timeout(queue, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl LogQueue {
    /// Whether there is nothing to write, neither a line nor the number of lost ones.
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.lost == 0
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, LogQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Treats every call of `write` as one line.
impl Write for LossyWriter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut queue = self.0.lock();
        if queue.bytes + text.len() > LARGEST_BACKLOG {
            queue.lost += 1;
        } else {
            let lost_before = std::mem::take(&mut queue.lost);
            queue.bytes += text.len();
            queue.lines.push_back(Line { lost_before, text: text.to_owned() });
            if !queue.is_awake {
                self.0.changed.notify_all();
            }
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all_lines(shared: &Shared, to: &mut Descriptor<impl Write>, note: fn(u64) -> String) {
    let mut lost = 0;
    loop {
        let mut queue = shared.lock();
        if queue.is_empty() {
            drop(queue);
            thread::sleep(PAUSE);
            queue = shared.lock();
        }
        queue.is_awake = false;
        while queue.is_empty() {
            shared.changed.notify_all();
            queue = shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.is_awake = true;
        let line = queue.lines.pop_front();
        match &line {
            Some(line) => {
                queue.bytes -= line.text.len();
                lost += line.lost_before;
            }
            None => lost += std::mem::take(&mut queue.lost),
        }
        drop(queue);
        if lost > 0 && to.write_line(note(lost).as_bytes()).is_ok() {
            lost = 0;
        }
        if let Some(line) = line
            && to.write_line(&line.text).is_err()
        {
            lost += 1;
        }
    }
}

struct Descriptor<W> {
    to: W,
    /// Whether the last line was cut short, such as by a full disk.
    is_in_a_line: bool,
}

impl<W: Write> Descriptor<W> {
    fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_in_a_line {
            self.write(b"\n")?;
        }
        self.write(line)
    }

    fn write(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.is_in_a_line = rest[written - 1] != b'\n';
                    rest = &rest[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{LARGEST_BACKLOG, LossyWriter};
    use std::io::{self, Read as _, Write};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::{Duration, Instant};

    const PATIENCE: Duration = Duration::from_secs(20);

    fn note(lost: u64) -> String {
        format!("lost {lost}\n")
    }

    /// A disk that is full after some bytes.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Disk {
        fn with_room_for(bytes: usize) -> Self {
            let disk = Self::default();
            disk.make_room(bytes);
            disk
        }

        fn make_room(&self, bytes: usize) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).1 += bytes;
        }

        fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner).0).into_owned()
        }
    }

    impl Write for Disk {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let fits = text.len().min(disk.1);
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.1 -= fits;
            disk.0.extend_from_slice(&text[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_arrive_whole_and_in_order() {
        let disk = Disk::with_room_for(1_000);
        let mut lines = LossyWriter::start(disk.clone(), note);
        for n in 0..10 {
            lines.write_all(format!("line {n}\n").as_bytes()).expect("it never fails");
        }
        lines.flush_within(PATIENCE);
        assert_eq!(disk.text(), (0..10).map(|n| format!("line {n}\n")).collect::<String>());
    }

    #[test]
    fn lines_lost_on_a_full_disk_are_counted_when_it_has_room_again() {
        let disk = Disk::with_room_for(8);
        let mut lines = LossyWriter::start(disk.clone(), note);
        for line in ["first\n", "second\n", "third\n"] {
            lines.write_all(line.as_bytes()).expect("it never fails");
        }
        lines.flush_within(PATIENCE);
        assert_eq!(disk.text(), "first\nse", "the second was cut short");
        disk.make_room(1_000);
        lines.write_all(b"fourth\n").expect("it never fails");
        lines.flush_within(PATIENCE);
        assert_eq!(disk.text(), "first\nse\nlost 2\nfourth\n");
    }

    #[test]
    fn a_pipe_that_is_not_read_loses_lines_and_does_not_block() {
        let (mut reader, pipe) = io::pipe().expect("a pipe");
        let mut lines = LossyWriter::start(pipe, note);
        let (line, begun) = ([b'x'; 1_023], Instant::now());
        let many = 3 * LARGEST_BACKLOG / 1_024;
        for _ in 0..many {
            lines.write_all(&[&line[..], b"\n"].concat()).expect("it never fails");
        }
        lines.flush_within(Duration::from_millis(50));
        assert!(begun.elapsed() < PATIENCE, "nothing waits");
        // Once the pipe is read, the queued lines arrive, and the counts of lost ones. There is more than one count if
        // the writer has found room in the pipe while lines were lost.
        let (mut text, mut piece, mut accounted) = (Vec::new(), [0; 65_536], 0);
        while accounted < many {
            let read = reader.read(&mut piece).expect("the pipe is open");
            assert_ne!(read, 0, "{accounted} of {many} lines are accounted for");
            text.extend_from_slice(&piece[..read]);
            let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
            let lines = lines.map(|line| String::from_utf8_lossy(line));
            let lost = |line: &str| line.trim_end().strip_prefix("lost ").and_then(|lost| lost.parse().ok());
            accounted = lines.map(|line| lost(&line).unwrap_or(usize::from(line.len() == 1_024))).sum();
        }
        assert_eq!(accounted, many);
    }
}
