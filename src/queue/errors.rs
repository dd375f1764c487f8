//! What can go wrong in the journal.

use std::path::PathBuf;

use crate::failure::{Entry, Explain};
use crate::queue::State;
use crate::world::disk::{Refusal, refusal};

/// Why the journal did not do what was asked. Nothing was committed, unless a variant says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The same idempotency key came with other content.
    #[error("this idempotency key was used for another transaction")]
    Conflict,
    /// No transaction has this id.
    #[error("there is no such transaction")]
    NotFound,
    /// The table of moves does not allow it.
    #[error("a transaction that is {from} cannot become {to}")]
    Move {
        /// Where it stands.
        from: State,
        /// Where it was to go.
        to: State,
    },
    /// The draft is not one: a state that nothing starts in, a terminal name that is not 12 characters.
    #[error("not a transaction: {0}")]
    Draft(&'static str),
    /// No room on the disk.
    #[error("the disk is full")]
    StorageFull,
    /// The file system is read only.
    #[error("the disk is read only: {0}")]
    DiskReadOnly(String),
    /// The file or its folder cannot be written.
    #[error("the journal cannot be written: {0}")]
    StorageReadOnly(String),
    /// The disk failed. Whether the last commit is there is known only after reading again; the same key tells.
    #[error("the disk failed: {0}")]
    Storage(String),
    /// The anchor cannot be written, and is as far behind as it may be; where it is, and why.
    #[error("the journal's anchor cannot be written: {0}")]
    Anchor(String),
    /// A file of the open journal is not the one at its path any more: it was taken away or replaced. Where that was
    /// between a commit and its answer, the transaction is in the file that was; the same key tells, once it is back.
    #[error("the journal is open, and {0} is not the file that it has open any more")]
    Replaced(String),
    /// Another process has the journal open.
    #[error("another process has the journal open")]
    InUse,
    /// The journal does not agree with itself, its signatures or its anchor.
    #[error("the journal is damaged at record {record}: {what}")]
    Damaged {
        /// The first record that is wrong; 0 for the file as a whole.
        record: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A newer program wrote the journal, by a schema of this number.
    #[error("a newer version of the program wrote the journal: its schema is {0}")]
    Newer(u32),
    /// Nothing is wrong with the journal that was to be set aside.
    #[error("the journal is whole")]
    Whole,
    /// A key file is missing, unreadable, too open or of the wrong length.
    #[error("a key of the journal cannot be used: {0}")]
    Keys(String),
    /// The journal's last record was made in the other mode; nothing is added to it in this one.
    #[error("the journal is of another mode: its last record is {}", last(*.demo))]
    Mode {
        /// Whether that record has the demonstration's mark.
        demo: bool,
    },
    /// The keys are not those the journal was written with.
    #[error("these keys are not the journal's")]
    WrongKeys,
    /// The source of randomness failed.
    #[error("the source of randomness gave nothing")]
    NoRandom,
    /// The writer has stopped.
    #[error("the journal is closed")]
    Closed,
}

/// What a record is by its mark.
fn last(demo: bool) -> &'static str {
    if demo { "a demonstration's" } else { "no demonstration's" }
}

impl QueueError {
    /// Whether it is the storage that failed: the terminal's condition `storage`.
    pub fn is_storage(&self) -> bool {
        matches!(
            self,
            Self::StorageFull
                | Self::DiskReadOnly(_)
                | Self::StorageReadOnly(_)
                | Self::Storage(_)
                | Self::Anchor(_)
                | Self::Replaced(_)
        )
    }

    /// What failed on the disks of these files, told as what it is where one of them takes nothing: SQLite names only a
    /// write that found no room so, and not its other calls.
    pub(super) fn on(self, files: &[PathBuf]) -> Self {
        let (Self::DiskReadOnly(what) | Self::StorageReadOnly(what) | Self::Storage(what)) = &self else {
            return self;
        };
        let refused = files.iter().find_map(|file| Some((file, refusal(file)?)));
        match refused {
            Some((_, Refusal::Full)) => Self::StorageFull,
            Some((file, Refusal::ReadOnly)) => Self::DiskReadOnly(format!("{}: {what}", file.display())),
            None => self,
        }
    }
}

crate::entries! {
    CONFLICT = "E-QUEUE-CONFLICT", Clerk;
        class Storage;
        message "同一流水标识或同一事项已用于另一笔业务" | "this key, or what makes it the same, was used for another transaction";
        cause "同一标识或同一事项再次提交时内容不同" | "it came again with other content";
        remedy "请为新业务使用新的流水标识" | "use a new key for a new transaction";
    NOT_FOUND = "E-QUEUE-NOT-FOUND", Clerk;
        class Storage;
        message "没有这笔业务" | "there is no such transaction";
        cause "流水号有误或不属于本终端" | "the id is wrong, or belongs to another terminal";
        remedy "请核对流水号" | "check the id";
    MOVE = "E-QUEUE-STATE", Technician;
        class Storage;
        message "业务状态不允许此操作" | "the transaction's state does not allow this";
        cause "该业务已处于其他状态" | "the transaction has gone on to another state";
        remedy "请刷新后按当前状态处理" | "look again and act on its present state";
    DRAFT = "E-QUEUE-DRAFT", Technician;
        class Storage;
        message "业务记录不完整，不能提交" | "the transaction cannot be committed as it is";
        cause "终端配置或程序给出的记录不合要求" | "the configuration or the program made an unfit record";
        remedy "请检查终端编号等配置" | "check the configuration, the terminal's number first";
    STORAGE_FULL = "E-QUEUE-STORAGE-FULL", Technician;
        class Storage;
        message "磁盘已满，业务未提交" | "the disk is full, nothing was committed";
        cause "流水文件所在磁盘没有剩余空间" | "there is no room where the journal is kept";
        remedy "请清理磁盘；有空间后自动恢复，无需重启" | "make room; work goes on by itself then, without a restart";
    DISK_READ_ONLY = "E-QUEUE-DISK-READ-ONLY", Technician;
        class Storage;
        message "流水所在磁盘只读，业务未提交" | "the disk of the journal is read only, nothing was committed";
        cause "文件系统以只读方式挂载，或出错后被系统转为只读" | "it is mounted read only, or the system made it so after an error";
        remedy "请检查该磁盘并恢复可写；恢复后自动继续，无需重启" | "check that disk and mount it for writing; work goes on by itself then, without a restart";
    STORAGE_READ_ONLY = "E-QUEUE-STORAGE-READ-ONLY", Technician;
        class Storage;
        message "流水文件不可写，业务未提交" | "the journal cannot be written, nothing was committed";
        cause "权限不足，文件属于其他用户，或文件系统只读" | "rights are missing, a file is another user's, or the file system is read only";
        remedy "请检查目录与文件的所有者和权限，以及挂载方式" | "check who owns the folder and the files in it, and how the disk is mounted";
    STORAGE = "E-QUEUE-STORAGE", Technician;
        class Storage;
        message "磁盘读写失败" | "the disk failed";
        cause "流水文件读写出错" | "reading or writing the journal failed";
        remedy "请用同一流水标识重试；反复出现请更换磁盘" | "try again with the same key; replace the disk if it persists";
    ANCHOR = "E-QUEUE-ANCHOR", Technician;
        class Storage;
        message "流水锚点不可写，业务未提交" | "the journal's anchor cannot be written, nothing was committed";
        cause "锚点文件（paths.anchor，默认为 state 目录下的 queue.anchor）所在磁盘已满、只读、无响应或未挂载" | "the disk of the anchor (paths.anchor, or queue.anchor in the folder of state) is full, read only, hangs or is not mounted";
        remedy "请检查 paths.anchor 所在磁盘与目录权限；可写后自动恢复，无需重启" | "check the disk and the folder that paths.anchor names; work goes on by itself once the anchor can be written, without a restart";
    REPLACED = "E-QUEUE-REPLACED", Technician;
        class Storage;
        message "运行中的流水文件被移走或替换" | "a file of the running journal was taken away or replaced";
        cause "有人移动、删除或替换了流水文件，而守护进程仍在写原文件" | "somebody moved, deleted or replaced it, and the daemon has the one that was open";
        remedy "请先勿停止守护进程；将原文件放回原处后自动恢复，最新流水只在原文件中" | "do not stop the daemon yet: put the very file back in its place, which alone has the newest records, and work goes on by itself";
    IN_USE = "E-QUEUE-IN-USE", Technician;
        class Storage;
        message "流水文件正被另一进程使用" | "another process has the journal open";
        cause "守护进程已在运行" | "the daemon is running already";
        remedy "请先停止另一进程，或通过它操作" | "stop the other process, or ask it";
    DAMAGED = "E-QUEUE-DAMAGED", Technician;
        class Storage;
        message "流水校验不通过" | "the journal does not verify";
        cause "记录被改动、缺失或文件损坏" | "a record was changed or is missing, or the file is damaged";
        remedy "请勿改动文件并联系技术支持；停止守护进程后，sbkd queue set-aside 保留原件，以完好的记录继续" | "leave the files as they are and call support; once the daemon is stopped, sbkd queue set-aside keeps them and goes on with what is whole";
    NEWER = "E-QUEUE-NEWER", Technician;
        class Storage;
        message "流水由更新版本的程序写成" | "a newer version of the program wrote the journal";
        cause "程序被降级，或安装不完整" | "the program was downgraded, or an installation is incomplete";
        remedy "请安装写入该流水的版本或更新版本；流水未受改动" | "install the version that wrote it, or a later one; the journal was left as it is";
    WHOLE = "E-QUEUE-WHOLE", Technician;
        class Storage;
        message "流水完好，无需另存" | "the journal is whole and is not set aside";
        cause "校验通过" | "all of it proves, its anchor included";
        remedy "无需处理" | "there is nothing to do";
    KEYS = "E-QUEUE-KEYS", Technician;
        class Storage;
        message "流水密钥不可用" | "a key of the journal cannot be used";
        cause "密钥文件缺失、长度有误、权限过宽，或属于其他用户" | "a key file is missing, too short or long, readable by others, or another user's";
        remedy "请将密钥文件交给守护进程用户，权限 0600；只恢复缺失或损坏的文件，rekey 之前的旧密钥已打不开流水" | "give the key files to the daemon's user with mode 0600; restore only what is missing or broken: those from before a rekey open the journal no more";
    WRONG_KEYS = "E-QUEUE-WRONG-KEYS", Technician;
        class Storage;
        message "密钥与流水不符" | "these keys are not the journal's";
        cause "密钥文件被更换，或流水来自另一终端" | "the key files were replaced, or the journal is another terminal's";
        remedy "请恢复原密钥文件" | "restore the key files that belong to it";
    MODE = "E-QUEUE-MODE", Technician;
        class Storage;
        message "流水与运行模式不符，未打开" | "the journal is of another mode and was not opened";
        cause "流水中的最后一笔属于演示而终端配置为生产，或相反" | "its last record is a demonstration's and the configuration says production, or the other way round";
        remedy "演示流水不得转入生产：请为新模式另设 state 目录（单独指定的 paths.anchor 和 [queue] keys 也须另设），并以新公钥在中心登记；原流水未受改动，仍可校验、导出和备份" | "a demonstration's journal is not taken into service: name another folder as state, and another paths.anchor and [queue] keys where these are named, and enrol the new key at the centre; the journal was left as it is and can be verified, exported and backed up";
    NO_RANDOM = "E-QUEUE-RANDOM", Technician;
        class Storage;
        message "随机数不可用" | "no random numbers";
        cause "系统随机源没有给出数据" | "the system's generator gave nothing";
        remedy "请检查操作系统" | "check the operating system";
    CLOSED = "E-QUEUE-CLOSED", Technician;
        class Storage;
        message "终端正在停止，业务未提交" | "the terminal is stopping, nothing was committed";
        cause "流水已关闭" | "the journal is closed";
        remedy "请在终端重新启动后再试" | "try again when the terminal is up";
}

impl Explain for QueueError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Conflict => &CONFLICT,
            Self::NotFound => &NOT_FOUND,
            Self::Move { .. } => &MOVE,
            Self::Draft(_) => &DRAFT,
            Self::StorageFull => &STORAGE_FULL,
            Self::DiskReadOnly(_) => &DISK_READ_ONLY,
            Self::StorageReadOnly(_) => &STORAGE_READ_ONLY,
            Self::Storage(_) => &STORAGE,
            Self::Anchor(_) => &ANCHOR,
            Self::Replaced(_) => &REPLACED,
            Self::InUse => &IN_USE,
            Self::Damaged { .. } => &DAMAGED,
            Self::Newer(_) => &NEWER,
            Self::Whole => &WHOLE,
            Self::Keys(_) => &KEYS,
            Self::Mode { .. } => &MODE,
            Self::WrongKeys => &WRONG_KEYS,
            Self::NoRandom => &NO_RANDOM,
            Self::Closed => &CLOSED,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Move { from, to } => Some(format!("{from} -> {to}")),
            Self::Draft(what) => Some((*what).into()),
            Self::Newer(schema) => Some(format!("schema {schema}")),
            Self::Mode { demo } => Some(format!("the last record is {}", last(*demo))),
            Self::DiskReadOnly(what)
            | Self::StorageReadOnly(what)
            | Self::Storage(what)
            | Self::Anchor(what)
            | Self::Replaced(what)
            | Self::Keys(what) => Some(what.clone()),
            Self::Damaged { record, what } => Some(format!("record {record}: {what}")),
            _ => None,
        }
    }
}

impl From<crate::world::NoRandom> for QueueError {
    fn from(_: crate::world::NoRandom) -> Self {
        Self::NoRandom
    }
}
