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
        remedy "请检查磁盘；核对 PSAM 卡后可删除该文件（停用的配对随之解除，班次与对账处理的记录随之丢失），系统会重新建立" | "check the disk; once the PSAM was checked the file may be deleted (which releases the pairs held apart, and forgets shifts and what was done about differences), it is made again";
    RIGHTS = "E-STORE-RIGHTS", Technician;
        message "当前用户无权使用本地缓存库" | "this user may not use the local store";
        cause "它属于守护进程的用户" | "it belongs to the daemon's user";
        remedy "以 root 或守护进程的用户运行；请勿删除该文件，否则被卡拒绝过的配对将被遗忘，再试会耗尽卡的次数" | "run it as root or as the daemon's user; do not delete the file: it keeps which cards refused these keys, and each further try uses one of theirs up";
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
