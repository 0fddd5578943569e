//! A RabbitMQ of a test's own, to be killed, frozen and started again.

use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// The broker of one test. Dropping it kills the broker and deletes its data.
pub(crate) struct Broker {
    program: PathBuf,
    pub(crate) home: TempDir,
    node: String,
    port: u16,
    distribution: u16,
    mapper: u16,
    processes: Vec<Child>,
}

impl Broker {
    /// Prepares a broker without starting it.
    pub(crate) fn new(program: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("enabled_plugins"), "[].\n").unwrap();
        fs::write(home.path().join("rabbitmq-env.conf"), "").unwrap();
        let [port, distribution, mapper] = free_ports();
        let configuration = format!("listeners.tcp.1 = 127.0.0.1:{port}\nraft.wal_max_size_bytes = 67108864\n");
        fs::write(home.path().join("rabbitmq.conf"), configuration).unwrap();
        let node = format!("node-{port}@localhost");
        Self { program: program.into(), home, node, port, distribution, mapper, processes: Vec::new() }
    }

    pub(crate) fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    pub(crate) fn start(&mut self) {
        if self.processes.is_empty() {
            // A separate port mapper that stays in this process group. The node itself would leave one behind.
            let mut epmd = self.command("epmd".into());
            epmd.args(["-port", &self.mapper.to_string(), "-address", "127.0.0.1"]);
            self.processes.push(epmd.spawn().unwrap());
        }
        let server = self.command(self.program.clone()).spawn().unwrap();
        self.processes.push(server);
    }

    /// Stops the broker in order.
    pub(crate) fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    /// Kills the broker, as the kernel does when memory is short.
    ///
    /// RabbitMQ 3.10 keeps the names of new quorum queues in memory for minutes. If it is killed that early, it comes
    /// back with a queue without a leader, until the queue is deleted. [`Self::stop`] writes the names.
    pub(crate) fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    fn end(&mut self, by: Signal) {
        let mut server = self.processes.pop().unwrap();
        signal(&server, by);
        server.wait().unwrap();
    }

    /// Freezes the broker: connections stay open, and requests get no answer.
    pub(crate) fn freeze(&self) {
        signal(self.processes.last().unwrap(), Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        signal(self.processes.last().unwrap(), Signal::CONT);
    }

    /// Runs `rabbitmqctl`.
    pub(crate) fn control(&self, arguments: &[&str]) {
        let mut control = self.command(self.program.with_file_name("rabbitmqctl"));
        assert!(control.args(arguments).status().unwrap().success(), "rabbitmqctl {arguments:?}");
    }

    fn command(&self, program: PathBuf) -> Command {
        #[expect(clippy::disallowed_methods, reason = "a test that kills a broker starts it")]
        let mut command = Command::new(program);
        let home = self.home.path();
        let log = File::options().create(true).append(true).open(home.join("log")).unwrap();
        command
            .env("HOME", home)
            .env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", home.join("rabbitmq-env.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", home.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", home.join("logs"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_NODENAME", &self.node)
            .env("RABBITMQ_DIST_PORT", self.distribution.to_string())
            .env("ERL_EPMD_PORT", self.mapper.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .current_dir(home)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        for mut process in self.processes.drain(..).rev() {
            signal(&process, Signal::KILL);
            // The process is dead in any case; this only reaps it.
            let _ = process.wait();
        }
    }
}

/// Signals the whole process group, because the server's script waits for the Erlang machine that it has started.
fn signal(process: &Child, signal: Signal) {
    kill_process_group(Pid::from_child(process), signal).unwrap();
}

fn free_ports() -> [u16; 3] {
    // Held together, so that they differ.
    let held = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}
