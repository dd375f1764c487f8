//! Three servers of NATS on the loopback that make one cluster, with JetStream in folders of their own.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::ConnectOptions;
use tempfile::TempDir;

use super::ports::free_block;

/// How long the cluster may take until it has a leader.
const LONG: Duration = Duration::from_secs(60);

/// A cluster of three.
pub struct Cluster {
    _dir: TempDir,
    nodes: Vec<Node>,
}

struct Node {
    config: std::path::PathBuf,
    url: String,
    process: Option<Child>,
}

impl Cluster {
    /// Starts it; ready when each stream can be kept three times.
    pub async fn start() -> Self {
        Self::start_with(|_| String::new()).await
    }

    /// The same, each with settings of its own besides; whoever comes to the first may do everything.
    pub async fn start_with(besides: impl Fn(usize) -> String) -> Self {
        Self::start_as("nats", besides, ConnectOptions::new()).await
    }

    /// The same, with the scheme of its addresses and what somebody needs who may do everything.
    pub async fn start_as(scheme: &str, besides: impl Fn(usize) -> String, options: ConnectOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let first = free_block(6);
        let ports: Vec<u16> = (first..first + 6).collect();
        let (clients, routes) = ports.split_at(3);
        let all: Vec<String> = routes.iter().map(|port| format!("nats-route://127.0.0.1:{port}")).collect();
        let mut nodes = Vec::new();
        for n in 0..3 {
            let config = dir.path().join(format!("n{n}.conf"));
            fs::write(&config, settings(dir.path(), n, clients[n], routes[n], &all) + &besides(n)).unwrap();
            let url = format!("{scheme}://127.0.0.1:{}", clients[n]);
            nodes.push(Node { process: Some(spawn(&config)), config, url });
        }
        let cluster = Self { _dir: dir, nodes };
        cluster.until_whole(options).await;
        cluster
    }

    /// The addresses of all.
    pub fn urls(&self) -> String {
        self.nodes.iter().map(|node| node.url.as_str()).collect::<Vec<_>>().join(",")
    }

    /// The address of one.
    pub fn url(&self, n: usize) -> String {
        self.nodes[n].url.clone()
    }

    /// Kills one as if its machine had gone.
    pub fn kill(&mut self, n: usize) {
        let mut process = self.nodes[n].process.take().expect("it runs");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Brings one back, with what it had on its disk.
    pub fn revive(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        node.process = Some(spawn(&node.config));
    }

    /// Waits until a stream with three replicas can be made.
    async fn until_whole(&self, options: ConnectOptions) {
        let whole = async {
            let client = options.retry_on_initial_connect().connect(self.url(0)).await.unwrap();
            // What is asked before there is a leader gets no answer.
            let builder = async_nats::jetstream::context::ContextBuilder::new();
            let jetstream = builder.timeout(Duration::from_secs(1)).build(client);
            let probe = async_nats::jetstream::stream::Config {
                name: "PROBE".into(),
                subjects: vec!["probe".into()],
                num_replicas: 3,
                ..Default::default()
            };
            // The servers answer as soon as they can say anything; each answer asks again.
            while jetstream.create_stream(probe.clone()).await.is_err() {
                tokio::task::yield_now().await;
            }
            jetstream.delete_stream("PROBE").await.unwrap();
        };
        tokio::time::timeout(LONG, whole).await.expect("the cluster has a leader");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in self.nodes.iter_mut().filter_map(|node| node.process.as_mut()) {
            drop(process.kill());
            drop(process.wait());
        }
    }
}

fn settings(dir: &Path, n: usize, client: u16, route: u16, all: &[String]) -> String {
    let store = dir.join(format!("store{n}"));
    format!(
        "server_name: n{n}\nlisten: \"127.0.0.1:{client}\"\njetstream {{ store_dir: \"{}\" }}\n\
         cluster {{ name: sbkd, listen: \"127.0.0.1:{route}\", routes: [{}] }}\n",
        store.display(),
        all.join(", ")
    )
}

fn spawn(config: &Path) -> Child {
    let mut command = Command::new("nats-server");
    command.arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("nats-server is installed (tools/install)")
}
