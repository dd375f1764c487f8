//! The failures of the command line.

crate::entries! {
    USAGE = "E-CLI-USAGE", Technician;
        message "命令行参数有误" | "the command line is not understood";
        cause "参数缺失、多余或取值不对" | "an argument is missing, superfluous or has a wrong value";
        remedy "运行 sbkd --help 查看用法" | "see sbkd --help";
    FILE = "E-CLI-FILE", Technician;
        message "文件读写失败" | "a file cannot be read or written";
        cause "路径不存在，或没有权限" | "the path does not exist, or permission is missing";
        remedy "检查路径和权限" | "check the path and its permissions";
    JSON = "E-CLI-JSON", Clerk;
        message "输入文件不是有效的 JSON 对象" | "the input file is not a valid JSON object";
        cause "文件内容有语法错误，或类型不对" | "the file has a syntax error, or holds another type";
        remedy "按指出的行列改正文件" | "correct the file at the line and column given";
    NO_DAEMON = "E-CLI-NO-DAEMON", Technician;
        message "连接不上守护进程" | "the daemon cannot be reached";
        cause "守护进程没有运行，或当前用户不在其用户组" | "the daemon is not running, or this user is not in its group";
        remedy "启动 sbkd run，或加上 --direct 直接使用读卡器" | "start sbkd run, or use the readers directly with --direct";
    DAEMON_ANSWER = "E-CLI-DAEMON-ANSWER", Technician;
        message "守护进程的应答无法识别" | "the daemon's answer is not understood";
        cause "命令与守护进程的版本不同，或套接字属于别的程序" | "command and daemon differ in version, or the socket belongs to another program";
        remedy "更新到同一版本，检查 --socket" | "bring both to the same version, and check --socket";
    NOT_YET = "E-CLI-NOT-YET", Technician;
        message "本版本尚未提供该命令" | "this build does not carry the command yet";
        cause "该部分仍在开发" | "that part is still being built";
        remedy "更新到较新的版本" | "use a newer version";
}
