//! What can go wrong in the store.

use crate::failure::{Entry, Explain};

/// The store failed. Nothing in it is the only copy of anything.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(pub String);

crate::entries! {
    STORE = "E-STORE-FAILED", Technician;
        message "本地缓存库读写失败" | "the local store failed";
        cause "文件损坏、只读或磁盘已满" | "its file is damaged, read only, or the disk is full";
        remedy "请检查磁盘；核对 PSAM 卡后可删除该文件（停用的配对随之解除），系统会重新建立" | "check the disk; once the PSAM was checked the file may be deleted (which releases the pairs held apart), it is made again";
}

impl Explain for StoreError {
    fn entry(&self) -> &'static Entry {
        &STORE
    }

    fn detail(&self) -> Option<String> {
        Some(self.0.clone())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rusqlite_migration::Error> for StoreError {
    fn from(error: rusqlite_migration::Error) -> Self {
        Self(error.to_string())
    }
}
