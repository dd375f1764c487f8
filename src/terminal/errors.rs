//! What fails in a case.

crate::entries! {
    NO_CASE = "E-TERM-NO-CASE", Clerk;
        message "没有这笔业务" | "there is no such case";
        cause "业务编号有误，或已超过保留时间" | "the id is wrong, or the case is no longer kept";
        remedy "请核对编号，或重新办理" | "check the id, or open a new case";
    STATE = "E-TERM-STATE", Clerk;
        message "业务当前状态不允许此操作" | "the case is not in a state for this";
        cause "业务已进入其他环节或已结束" | "the case is at another step, or has ended";
        remedy "请查看业务状态后再操作" | "look at the case's state first";
    BUSY = "E-TERM-BUSY", Clerk;
        message "读卡器正在办理另一笔业务" | "another case is being carried out at the reader";
        cause "同一读卡器同时只能办理一笔业务" | "one reader serves one case at a time";
        remedy "请先完成或取消当前业务" | "finish or cancel that case first";
}
