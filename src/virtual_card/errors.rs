//! What can be wrong with an image.

use crate::failure::{Entry, Explain};

crate::entries! {
    IMAGE_INVALID = "E-VCARD-IMAGE", Technician;
        class Setup;
        message "虚拟卡映像文件有错误" | "the image of a virtual card has a mistake";
        cause "映像文件的某一行不符合格式" | "a line of the image file is not as it should be";
        remedy "请按提示的行、列修改映像文件" | "mend the image file at the line and column named";
    IMAGE_UNREADABLE = "E-VCARD-FILE", Technician;
        class Setup;
        message "无法读取虚拟卡映像文件" | "the image of a virtual card cannot be read";
        cause "文件不存在、无权读取，或 extends 指向了自己" | "the file is not there, may not be read, or extends itself";
        remedy "请检查文件路径和权限" | "check the file's path and rights";
    IMAGE_UNSUPPORTED = "E-VCARD-ALGORITHM", Technician;
        class Setup;
        message "虚拟卡不支持该算法" | "the virtual card cannot do this algorithm";
        cause "SSF33 算法不公开，只能使用真实的卡和 PSAM" | "SSF33 is not public: only a real card and PSAM have it";
        remedy "请改用 3DES 或 SM4 的映像" | "use an image with 3DES or SM4";
}

/// Why an image could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The file could not be read.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// The file is not an image.
    #[error("{file}:{line}:{column}: {message}")]
    Invalid {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong there; values are not repeated, since they may be keys.
        message: String,
    },
    /// Neither the file nor those it extends say this.
    #[error("{file}: {what} is missing")]
    Missing {
        /// The file that was asked for.
        file: String,
        /// The setting.
        what: &'static str,
    },
    /// Something is set of a record that the card does not have.
    #[error("{file}: {list}: the card has no record {tag:02X}")]
    NoRecord {
        /// The file that was asked for.
        file: String,
        /// The setting.
        list: &'static str,
        /// The record's tag.
        tag: u8,
    },
    /// A setting is not one that the card's profile has, or its value is not.
    #[error("{file}: {place}: {what}")]
    Wrong {
        /// The file that was asked for.
        file: String,
        /// The setting.
        place: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The image asks for SSF33.
    #[error("{file}: {unsupported}")]
    Unsupported {
        /// The file that was asked for.
        file: String,
        /// The algorithm.
        unsupported: crate::cipher::Unsupported,
    },
}

impl Explain for ImageError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Unreadable { .. } => &IMAGE_UNREADABLE,
            Self::Invalid { .. } | Self::Missing { .. } | Self::NoRecord { .. } | Self::Wrong { .. } => &IMAGE_INVALID,
            Self::Unsupported { .. } => &IMAGE_UNSUPPORTED,
        }
    }

    fn detail(&self) -> Option<String> {
        Some(self.to_string())
    }
}
