//! What can go wrong in the store.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::failure::{Entry, Explain};
use crate::world::disk;

/// Why the store did not do what was asked. Pairs held apart, what holders were told, shifts and what was done about
/// differences are nowhere else; the rest is asked for again.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What is in it cannot be used.
    #[error("the store failed: {0}")]
    Failed(String),
    /// Its file cannot be used.
    #[error("the store failed: {0}")]
    File(String),
    /// A newer program wrote it: its schema.
    #[error("the store is of a newer program: schema {0}")]
    Newer(i64),
    /// Its disk is full or read only; nothing is wrong with the file.
    #[error("the disk of the store takes nothing: {0}")]
    Disk(String),
}

crate::entries! {
    LOST_WRITES = "E-STORE-LOST-WRITES", Technician;
        class Storage;
        message "有写卡或交易未完，而无法辨认属于哪张卡" | "writes or transactions on cards are open, and on which cards is not known any more";
        cause "本地缓存库（store.db）曾损坏并重建，辨认卡所用的内容未能读出" | "the store (store.db) was damaged and begun anew, and what cards are named by could not be read";
        remedy "在查明前本终端不写卡、不动用卡上账户；请核对损坏的 store.db 及近期写卡和支付记录，核实后执行 sbkd card mend --discard-lost --direct" | "no card is written or paid from until somebody looked: hold the damaged store.db and what was written and paid lately against each other, then run sbkd card mend --discard-lost --direct";

    STORE = "E-STORE-FAILED", Technician;
        class Storage;
        message "本地缓存库读写失败" | "the local store failed";
        cause "文件损坏、只读或磁盘出错" | "its file is damaged or read only, or the disk failed";
        remedy "请检查磁盘；核对 PSAM 卡后可删除该文件（停用的配对随之解除，已告知持卡人的、班次与对账处理的记录随之丢失），系统会重新建立" | "check the disk; once the PSAM was checked the file may be deleted (which releases the pairs held apart, and forgets what holders were told, shifts and what was done about differences), it is made again";
    NEWER = "E-STORE-NEWER", Technician;
        class Storage;
        message "本地缓存库由更新的程序写成" | "a newer program wrote the local store";
        cause "程序被换回了旧版本" | "an older version of the program was put back";
        remedy "请使用新版本程序；文件本身完好，请勿删除" | "use the newer version; the file itself is in order: do not delete it";
    DISK = "E-STORE-DISK", Technician;
        class Storage;
        message "本地缓存库所在磁盘已满或只读" | "the disk of the local store is full or read only";
        cause "没有剩余空间，或文件系统以只读方式挂载" | "there is no room on it, or its file system is mounted read only";
        remedy "请清理该磁盘，或恢复可写；恢复后自动继续，文件本身完好，请保留" | "make room on that disk, or mount it for writing; work goes on by itself then, and the file itself is in order: keep it";
    RIGHTS = "E-STORE-RIGHTS", Technician;
        class Storage;
        message "当前用户无权使用本地缓存库" | "this user may not use the local store";
        cause "它属于守护进程的用户" | "it belongs to the daemon's user";
        remedy "以 root 或守护进程的用户运行；请勿删除该文件，否则被卡拒绝过的配对将被遗忘，再试会耗尽卡的次数" | "run it as root or as the daemon's user; do not delete the file: it keeps which cards refused these keys, and each further try uses one of theirs up";
    LIST_FORM = "E-STORE-BLACKLIST-FORM", Technician;
        class Setup;
        message "黑名单文件有误，未启用" | "the blacklist has a mistake: it is not taken up";
        cause "某一行的格式、顺序或条数不符，或文件不完整" | "a line's form, its order or a count is wrong, or the file is cut off";
        remedy "请由名单制作方按所示位置改正并重新签名；原有名单继续有效" | "have whoever makes the list mend the place shown and sign it again; the list of before stays in force";
    LIST_UNSIGNED = "E-STORE-BLACKLIST-SIGNATURE", Technician;
        class Setup;
        message "黑名单签名无效，未启用" | "the blacklist's signature does not hold: it is not taken up";
        cause "没有签名文件，签名不属于所信任的公钥，或文件在签名后有改动" | "there is no signature beside it, it is of no key that is trusted here, or the file was changed after it was signed";
        remedy "请向制作方核实并重新取得名单和签名；勿使用来历不明的名单" | "ask whoever makes the list, and get list and signature anew; do not use a list of unknown origin";
    LIST_OLDER = "E-STORE-BLACKLIST-OLDER", Technician;
        class Setup;
        message "黑名单不比现有的新，未启用" | "the blacklist is not newer than the one in force: it is not taken up";
        cause "序号小于现有名单，或序号相同而内容不同" | "its serial is smaller, or the same with other content";
        remedy "请取得最新的名单；制作方不得重用或减小序号" | "get the latest list; whoever makes it never uses a serial again nor goes back";
    LIST_BUSY = "E-STORE-BLACKLIST-BUSY", Clerk;
        class NotNow;
        message "另一个程序正在导入黑名单" | "another program is taking in a blacklist";
        cause "同一时间只能导入一份" | "one is taken in at a time";
        remedy "请等它结束后重试" | "try again once it has ended";
    LIST_DAMAGED = "E-STORE-BLACKLIST-DAMAGED", Technician;
        class Storage;
        message "已导入的黑名单损坏，不能使用" | "the blacklist that was taken in is damaged and not used";
        cause "名单数据文件缺失，或内容与导入时不同" | "the file of its entries is missing, or is not what it was when it was taken in";
        remedy "请重新导入同一份或更新的名单，并检查磁盘" | "take in the same list or a newer one, and check the disk";
    LIST_FILE = "E-STORE-BLACKLIST-FILE", Technician;
        class Usage;
        message "黑名单文件不能读取" | "the blacklist cannot be read";
        cause "文件不存在、无权读取或磁盘出错" | "it is not there, may not be read, or the disk failed";
        remedy "请检查路径和权限" | "check its path and rights";
    GOODS_FORM = "E-STORE-CATALOGUE-FORM", Technician;
        class Setup;
        message "医保目录文件有误，未启用" | "the catalogue has mistakes: it is not taken up";
        cause "所示各行的格式、顺序或条数不符，或同一编码的日期有重叠或间断" | "the lines shown have a wrong form, order or count, or the dates of a code overlap or leave a gap";
        remedy "请由目录制作方按所示位置改正并重新签名；原有目录继续有效" | "have whoever makes the catalogue mend the places shown and sign it again; the one of before stays in force";
    GOODS_UNSIGNED = "E-STORE-CATALOGUE-SIGNATURE", Technician;
        class Setup;
        message "医保目录签名无效，未启用" | "the catalogue's signature does not hold: it is not taken up";
        cause "没有签名文件，签名不属于所信任的公钥，或文件在签名后有改动" | "there is no signature beside it, it is of no key that is trusted here, or the file was changed after it was signed";
        remedy "请向制作方核实并重新取得目录和签名；勿使用来历不明的目录" | "ask whoever makes the catalogue, and get it and its signature anew; do not use one of unknown origin";
    GOODS_OLDER = "E-STORE-CATALOGUE-OLDER", Technician;
        class Setup;
        message "医保目录不比现有的新，未启用" | "the catalogue is not newer than the one in force: it is not taken up";
        cause "序号小于现有目录，或序号相同而内容不同" | "its serial is smaller, or the same with other content";
        remedy "请取得最新的目录；制作方不得重用或减小序号" | "get the latest one; whoever makes it never uses a serial again nor goes back";
    GOODS_BUSY = "E-STORE-CATALOGUE-BUSY", Clerk;
        class NotNow;
        message "另一个程序正在导入或更换医保目录" | "another program is taking in or changing the catalogue";
        cause "同一时间只能导入一份" | "one is taken in at a time";
        remedy "请等它结束后重试" | "try again once it has ended";
    GOODS_DAMAGED = "E-STORE-CATALOGUE-DAMAGED", Technician;
        class Storage;
        message "已导入的医保目录损坏，不能使用" | "the catalogue that was taken in is damaged and not used";
        cause "目录数据文件缺失，或内容与导入时不同" | "the file of its rows is missing, or is not what it was when it was taken in";
        remedy "请重新导入同一份或更新的目录，并检查磁盘" | "take in the same catalogue or a newer one, and check the disk";
    GOODS_FILE = "E-STORE-CATALOGUE-FILE", Technician;
        class Usage;
        message "医保目录文件不能读取" | "the catalogue cannot be read";
        cause "文件不存在、无权读取、磁盘出错，或读取时被改动" | "it is not there, may not be read, the disk failed, or it was changed while it was read";
        remedy "请检查路径和权限；文件正在写入的，写完后重试" | "check its path and rights; where it is being written, try again once it is whole";
}

impl StoreError {
    /// What failed.
    pub fn into_what(self) -> String {
        match self {
            Self::Failed(what) | Self::File(what) | Self::Disk(what) => what,
            Self::Newer(schema) => format!("schema {schema}"),
        }
    }

    /// What failed with a file, told as what it is where its disk takes nothing: SQLite names only a write that found no
    /// room so, and not its other calls.
    pub(super) fn on(self, file: &Path) -> Self {
        match self {
            Self::File(what) if disk::refusal(file).is_some() => Self::Disk(format!("{}: {what}", file.display())),
            other => other,
        }
    }
}

impl Explain for StoreError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Failed(_) | Self::File(_) => &STORE,
            Self::Newer(_) => &NEWER,
            Self::Disk(_) => &DISK,
        }
    }

    fn detail(&self) -> Option<String> {
        Some(match self {
            Self::Failed(what) | Self::File(what) | Self::Disk(what) => what.clone(),
            Self::Newer(schema) => format!("schema {schema}"),
        })
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem => {
                Self::Disk(error.to_string())
            }
            _ => Self::File(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let what = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Disk(what),
            Some(ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => Self::File(what),
            _ => Self::Failed(what),
        }
    }
}

impl From<rusqlite_migration::Error> for StoreError {
    fn from(error: rusqlite_migration::Error) -> Self {
        match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}
