//! What is wrong with a configuration file, and where.

use std::fmt;

use crate::failure::{Entry, Explain};

crate::entries! {
    UNREADABLE = "E-CFG-UNREADABLE", Technician;
        class Setup;
        message "无法读取配置文件" | "the configuration file cannot be read";
        cause "文件不存在、没有权限或不是 UTF-8 文本" | "it is not there, may not be read, or is not UTF-8 text";
        remedy "请检查文件路径和权限" | "check the path and its rights";
    INVALID = "E-CFG-INVALID", Technician;
        class Setup;
        message "配置文件有误" | "the configuration file has a mistake";
        cause "语法错误、未知的键、类型不符或取值不允许" | "bad syntax, an unknown key, a wrong type or a value that is not allowed";
        remedy "请按提示的行、列修改，再运行 sbkd config check" | "mend it at the line and column named, then run sbkd config check";
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// Its path.
        file: String,
        /// What the system said.
        why: String,
    },
    /// The file has mistakes.
    Invalid {
        /// Its path.
        file: String,
        /// All that were found, in the order of the file.
        mistakes: Vec<Mistake>,
    },
}

/// `file:line:column: message`, a line each.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, why } => write!(f, "{file}: {why}"),
            Self::Invalid { file, mistakes } => {
                for (n, Mistake { line, column, message }) in mistakes.iter().enumerate() {
                    let separator = if n == 0 { "" } else { "\n" };
                    write!(f, "{separator}{file}:{line}:{column}: {message}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl Explain for ConfigError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Unreadable { .. } => &UNREADABLE,
            Self::Invalid { .. } => &INVALID,
        }
    }

    fn detail(&self) -> Option<String> {
        Some(self.to_string())
    }
}
