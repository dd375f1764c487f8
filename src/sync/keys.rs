//! The keys of a security module behind the centre: the strings of the HSM flow as questions to it.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::runtime::Handle;

use super::{Uplink, UplinkError};
use crate::keys::{HsmLink, LinkError};
use crate::wire::hsm::{Question, Text};

/// The way to a security module by the uplink.
pub struct CentreKeys {
    uplink: Arc<dyn Uplink>,
    runtime: Handle,
    /// The centre's address.
    name: String,
}

impl CentreKeys {
    /// By `uplink`, whose work is done on `runtime`; `name` names the keys behind it: the centre's address, so that
    /// another centre's keys are others.
    pub fn new(uplink: Arc<dyn Uplink>, runtime: Handle, name: &str) -> Self {
        Self { uplink, runtime, name: name.to_owned() }
    }
}

impl HsmLink for CentreKeys {
    fn ask(&self, question: &Question, within: Duration) -> Result<Text, LinkError> {
        let (told, answer) = mpsc::sync_channel(1);
        let (uplink, question) = (Arc::clone(&self.uplink), question.clone());
        self.runtime.spawn(async move {
            let answer = super::within(Some(within), uplink.keys(&question)).await;
            // Nobody listens any more where the program ends.
            drop(told.send(answer));
        });
        // A runtime that ends drops the question, and with it the other end of this.
        let answer = answer.recv().map_err(|_| LinkError::Away("the program ends".to_owned()))?;
        answer.map(|answer| answer.string).map_err(why)
    }

    fn identity(&self) -> Vec<u8> {
        ["hsm ", &self.name].concat().into_bytes()
    }
}

fn why(error: UplinkError) -> LinkError {
    match error {
        UplinkError::Refused { code, .. } => LinkError::Refused(code),
        UplinkError::Unauthorized(status) => LinkError::Refused(format!("HTTP-{status}")),
        UplinkError::Answer(what) => LinkError::Malformed(what),
        other => LinkError::Away(other.to_string()),
    }
}
