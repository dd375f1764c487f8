//! What fails in a case.

use super::conditions::Condition;
use crate::failure::{Entry, Failure};

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
    KEYS_BUSY = "E-TERM-KEYS-BUSY", Clerk;
        message "PSAM 正在为另一张卡服务" | "the PSAM is serving another card";
        cause "另一个读卡器上的读卡尚未结束" | "a reading at another reader has not ended";
        remedy "请稍后重试；如反复出现，请取出另一读卡器中的卡" | "try again in a moment; if it stays so, take the card out of the other reader";
    MANY = "E-TERM-MANY", Clerk;
        message "同时办理的业务过多" | "too many cases are open";
        cause "有业务未完成也未取消" | "cases were neither finished nor cancelled";
        remedy "请先完成或取消已开始的业务" | "finish or cancel those that are open";
    DRIVER_STEPS = "E-TERM-DRIVER-STEPS", Technician;
        message "没有可继续的分步调用" | "there are no steps to go on with";
        cause "前一步没有成功、超时，或其间调用了其他函数" | "the step before did not succeed, its time was over, or another function was called in between";
        remedy "从第一步重新开始" | "begin again with the first step";
    DRIVER_UNPROVEN = "E-TERM-DRIVER-UNPROVEN", Technician;
        message "请先调用 iReadCardBas_HSM：该卡插入后尚未通过真伪鉴别" | "call iReadCardBas_HSM first: this card has not proved itself since it was put in";
        cause "这组分步调用不含内部认证，本终端也没有能鉴别该卡的密钥" | "these steps have no internal authentication, and this terminal has no keys that could prove the card";
        remedy "插卡后先调用 iReadCardBas_HSM（其间不要取出卡），再调用本函数" | "with the card in the reader call iReadCardBas_HSM, leave the card in, then call this function";
    DRIVER_ONE_KEY = "E-TERM-DRIVER-ONE-KEY", Technician;
        message "这些文件需要多个密钥，一次分步调用只能使用一个" | "these files take several keys, and one call in steps has room for one";
        cause "加密机串中只有一个密钥标识" | "the string for the HSM names one key";
        remedy "每次调用只列同一密钥管理的文件" | "name files of one key in each call";
    DRIVER_PAID = "E-TERM-DRIVER-PAID", Clerk;
        message "上一笔扣款已由卡完成而未告知，本次未扣款" | "the card had carried out the last purchase, and nobody was told; nothing was paid now";
        cause "上一次 iDoDebit 中卡被拔出或没有应答，或调用方未等到结果" | "the card was pulled, or did not answer, in the last iDoDebit, or its caller did not wait for the outcome";
        remedy "请按交易序号核对上一笔：已入账则不要重复扣款；仍需另行扣款时再次调用" | "check the last purchase by its number: do not pay it twice; call again only for another one";
    OPERATOR = "E-TERM-OPERATOR", Clerk;
        message "未说明经办人" | "no operator is named";
        cause "每笔业务都须有经办人，1 至 20 个字符" | "every case names who carries it out, in 1 to 20 characters";
        remedy "请填写经办人" | "name the operator";
    NO_SHIFT = "E-SHIFT-NONE", Clerk;
        message "经办人尚未签到" | "the operator has not opened a shift";
        cause "本终端要求先签到再办理业务" | "at this terminal a shift is opened before anything is carried out";
        remedy "请先签到：sbkd shift open --operator 经办人" | "open one: sbkd shift open --operator NAME";
    SHIFT_UNKNOWN = "E-SHIFT-UNKNOWN", Clerk;
        message "没有这个班次" | "there is no such shift";
        cause "班次号有误，或经办人没有签到" | "the number is wrong, or the operator has none open";
        remedy "请用 sbkd shift list 查看班次" | "see sbkd shift list";
    SHIFT_BUSY = "E-SHIFT-BUSY", Clerk;
        message "该经办人还有业务未办完，不能签退" | "a case of this operator has not ended: the shift stays open";
        cause "交接的合计要包含这笔业务" | "what is handed over is to count it";
        remedy "请先完成或取消该业务" | "finish or cancel the case first";
    LEFT_TO_NOTICE = "E-TERM-LEFT-TO-NOTICE", Clerk;
        message "该笔已结算，改由通知告知，请勿按本单收费" | "it was settled, and is told by a notice: collect nothing by this case";
        cause "结算后无人查看本单，班次已结束、已另行告知或系统正在停止" | "nobody asked this case in time: its shift ended, the holder was told otherwise, or the terminal was stopping";
        remedy "请按持卡人的通知办理：再次插卡，或 sbkd queue list --untold" | "go by the holder's notice: at their next case, or by sbkd queue list --untold";
    SHIFT_PAST = "E-SHIFT-PAST", Clerk;
        message "该经办人前一日的班次还有业务未办完" | "a case in this operator's shift of an earlier day has not ended";
        cause "自动开始的班次只属于当日，须先结束才能开始新的班次" | "a shift that opened by itself is of its day alone, and ends before another begins";
        remedy "请先完成或取消该业务（可能在另一读卡器上），再重试" | "finish or cancel that case (it may be at another reader), then try again";
    RECON_DATE = "E-RECON-DATE", Clerk;
        message "这一天不能对账" | "this day cannot be reconciled";
        cause "日期不是今天或以前的日期，形式如 2015-08-03" | "it is no date, as 2015-08-03, of today or before";
        remedy "请改正日期" | "mend the date";
    RECON_UNKNOWN = "E-RECON-UNKNOWN", Clerk;
        message "没有这次对账或这笔差异" | "there is no such reconciliation or difference";
        cause "日期或编号有误，或尚未对账" | "date or number is wrong, or the day was not reconciled yet";
        remedy "请用 sbkd reconcile list 查看，或先对账" | "see sbkd reconcile list, or run it first";
    RECON_ACTION = "E-RECON-ACTION", Clerk;
        message "这笔差异不能这样处理" | "this cannot be done about the difference";
        cause "它已处理过，此类差异没有这种处理，或这笔业务此后有了变化" | "something was done already, it is not for this kind of difference, or the transaction has moved since";
        remedy "请重新对账后查看可用的处理方式" | "reconcile the day again and see what may be done";
    RECON_REMARK = "E-RECON-REMARK", Clerk;
        message "须说明理由或如何另行处理" | "say why, or how it is dealt with elsewhere";
        cause "转交的差异，以及对流水中没有的记录冲正，必须附说明，1 至 500 个字符" | "a difference that is referred, and one not known here that is taken back, has a remark of 1 to 500 characters";
        remedy "请填写说明，勿写个人信息；流水停用或恢复过的，冲正前先核实持卡人是否已付款" | "write one, and nothing personal; where the journal was set aside or restored, find out first whether the holder paid";
    RECON_ERASED = "E-RECON-ERASED", Technician;
        message "这一天的业务内容已按期清除，不能再对账" | "what was settled on this day was erased in its time: it cannot be reconciled any more";
        cause "保留期已过" | "it was kept as long as it had to be";
        remedy "请与中心用流水号核对" | "compare it with the centre by the transactions' numbers";
    NO_NOTICE = "E-TERM-NO-NOTICE", Clerk;
        message "这笔业务没有需要告知持卡人的事项" | "there is nothing about this transaction that its holder is to be told";
        cause "它的结果与当时告知的一致，或尚未有结果" | "it came out as the holder was told, or has not come out yet";
        remedy "无需处理" | "nothing needs to be done";
    NOTICE_CHANGED = "E-TERM-NOTICE-CHANGED", Clerk;
        message "告知之后这笔业务又有了变化" | "the transaction has changed since the holder was told of it";
        cause "此后又采用了中心的其他数字，或修订号有误" | "other figures of the centre were taken over since, or the revision is wrong";
        remedy "请在新的业务中查看现在的告知事项，告知持卡人后再确认" | "see in a new case what is to be told now, tell the holder and acknowledge that";
    NOTICE_TOLD = "E-TERM-NOTICE-TOLD", Clerk;
        message "此事项已由另一位经办人告知持卡人" | "another operator has told the holder of it";
        cause "一次告知只记一次，应收或应退的现金计入所列经办人的班次" | "it is noted once, and what is paid by it is of the shift of the operator named";
        remedy "请勿再收费或退款；如有疑问，请与该经办人核对" | "collect or pay back nothing; where in doubt, ask that operator";
    KEY_USED = "E-TERM-KEY-USED", Clerk;
        message "同一流水标识已用于另一笔业务" | "this idempotency key was used for another case";
        cause "同一标识再次提交时内容不同" | "the same key came again with other content";
        remedy "请为新业务使用新的流水标识" | "use a new key for a new case";
    KEY_FORM = "E-TERM-KEY-FORM", Technician;
        message "流水标识不合要求" | "the idempotency key cannot be used";
        cause "应为 1 至 100 个字符" | "it has 1 to 100 characters";
        remedy "请改正后重试" | "mend it and try again";
    NO_READER = "E-TERM-NO-READER", Clerk;
        message "没有可用的持卡人读卡器" | "there is no such reader for a holder's card";
        cause "读卡器未连接，或用途不是持卡人卡" | "it is not connected, or is for something else";
        remedy "请检查读卡器连接与配置" | "check the reader and its role";
    WHICH_READER = "E-TERM-WHICH-READER", Clerk;
        message "多个读卡器中有卡" | "there are cards in several readers";
        cause "未指定读卡器" | "no reader was named";
        remedy "请指定读卡器，或只留一张卡" | "name the reader, or leave one card in";
    NO_CARD = "E-TERM-NO-CARD", Clerk;
        message "读卡器中没有卡" | "there is no card in a reader";
        cause "卡未插入或未放到位" | "the card is not inserted, or not far enough";
        remedy "请插卡后重试" | "insert the card and try again";
    CARD_REMOVED = "E-TERM-CARD-REMOVED", Holder;
        message "办理未完成时卡被取出，业务未提交" | "the card was taken out too early, nothing was committed";
        cause "业务完成前卡须留在读卡器中" | "the card stays in the reader until the case has ended";
        remedy "请重新插卡办理" | "insert the card again and start anew";
    CARD_BLANK = "E-TERM-CARD-BLANK", Holder;
        message "卡内缺少持卡人信息" | "the card does not name its holder";
        cause "社会保障号码或卡号未写入" | "the social security number or the card number is not written";
        remedy "请到发卡机构处理" | "take the card to its issuer";
    TIMED_OUT = "E-TERM-TIMED-OUT", Clerk;
        message "等待超时，业务已取消" | "nobody went on in time, the case was cancelled";
        cause "未在规定时间内插卡、填写或确认" | "no card, form or confirmation came in time";
        remedy "请重新办理" | "start anew";
    DRAINING = "E-TERM-DRAINING", Technician;
        message "终端正在停止" | "the terminal is stopping";
        cause "守护进程收到停止指令" | "the daemon was told to stop";
        remedy "请在终端重新启动后再办理" | "go on when it is up again";
    UPLINK_AWAY = "E-TERM-UPLINK-AWAY", Clerk;
        message "中心不可达，此业务不能办理" | "the centre cannot be reached, and this scenario needs it";
        cause "网络中断或中心停机" | "the network is down or the centre is off";
        remedy "请在恢复后办理" | "come back when it can be reached";
    CARD_SERVICE_AWAY = "E-TERM-CARD-SERVICE-AWAY", Technician;
        message "读卡服务不可用" | "the smart card service is away";
        cause "pcscd 未运行或正在重启" | "pcscd is not running, or is restarting";
        remedy "请检查 pcscd；恢复后无需重启终端" | "check pcscd; the terminal goes on by itself";
    KEYS_AWAY = "E-TERM-KEYS-AWAY", Technician;
        message "终端密钥不可用" | "the terminal's keys cannot be used";
        cause "没有 PSAM 卡，或其读卡器不可用" | "there is no PSAM, or its reader is away";
        remedy "请检查 PSAM 卡；恢复后无需重启终端" | "check the PSAM; the terminal goes on by itself";
    STORAGE = "E-TERM-STORAGE", Technician;
        message "磁盘已满或只读，不能办理" | "the disk is full or read only: nothing can be committed";
        cause "流水无法写入" | "the journal cannot be written";
        remedy "请清理磁盘；恢复后无需重启终端" | "make room; the terminal goes on by itself";
    NO_RECORD = "E-TERM-NO-RECORD", Clerk;
        message "中心不可达，本机没有该人的记录" | "the centre is away and this terminal has no record of the person";
        cause "本机从未从中心取得该人的待遇与累计数据" | "the centre never told this terminal of the person's status and accumulators";
        remedy "请在中心恢复后办理" | "come back when the centre can be reached";
    LIMIT = "E-TERM-LIMIT", Clerk;
        message "超出中心不可达时的暂结限额" | "beyond what may be settled while the centre is away";
        cause "金额、当日累计、未送达笔数或时限超限" | "amount, sum of the day, number or age of what is unsent is above the limit";
        remedy "请在中心恢复后办理" | "come back when the centre can be reached";
    ALREADY = "E-TERM-ALREADY", Clerk;
        message "本期已经办理，未重复提交" | "it was carried out in this period already: not committed again";
        cause "该业务每期每人一次" | "the scenario is for once a period and person";
        remedy "无需再次办理" | "nothing needs to be done";
    REPEATED = "E-TERM-REPEATED", Clerk;
        message "这笔业务此前已经提交，未重复提交" | "it was committed before under the same key: not committed again";
        cause "流水中已有同一流水标识的业务" | "the journal has a transaction of this key";
        remedy "请查看所示流水的状态；另办业务请使用新的流水标识" | "look at the state of the transaction shown; use a new key for another case";
    SAME_FORM = "E-TERM-SAME-FORM", Clerk;
        message "同一人的同一份单据此前已经提交，未重复提交" | "the same bill or form of the same person was committed before: not committed again";
        cause "流水中已有这份单据的业务；其余项目另有填写，仍是同一份单据" | "the journal has a transaction of it; what else is stated of it makes it no other one";
        remedy "请查看所示流水的状态；确属另一笔业务时，请给它另外的流水标识" | "look at the state of the transaction shown; where it is another one indeed, give it a key of its own";
    EARLIER_OPEN = "E-TERM-EARLIER-OPEN", Clerk;
        message "该人上一笔结算尚未了结，暂不能再结算" | "an earlier settlement of this person is still open: no other one now";
        cause "上一笔的结果尚未确定、正在冲正或正在补送中心；它占用的起付标准、限额与账户余额尚不明确" | "its outcome is not known, it is being taken back, or it is on its way to the centre: what it leaves of deductible, caps and account is not known";
        remedy "请查看所示流水，等它了结后再办理，系统会自行继续；长时间不变时请技术人员查看日志并与中心核对" | "look at the transaction shown and start anew once it is at its end; that is seen to by itself. Where it does not move, have a technician look at the log and settle it with the centre";
    CENTRE_BACK = "E-TERM-CENTRE-BACK", Clerk;
        message "中心已恢复，请重新办理，由中心结算" | "the centre is back: start anew, so that it settles";
        cause "结果是中心不可达时由本机核算的" | "the result was computed while the centre was away";
        remedy "请重新办理；没有提交，也不要按原结果收费" | "start anew; nothing was committed, do not charge what was shown";
    DENIED = "E-TERM-DENIED", Clerk;
        message "按规定不予办理" | "the rules say no";
        cause "见所列原因" | "see the reasons listed";
        remedy "请按所列原因处理" | "act on the reasons listed";
    REFERRED = "E-TERM-REFERRED", Clerk;
        message "须转人工处理" | "a person must decide";
        cause "见所列原因" | "see the reasons listed";
        remedy "请转人工窗口" | "pass it to the manual desk";
    DIFFERENCE = "E-TERM-DIFFERENCE", Clerk;
        message "本机核算与中心不一致，须转人工处理" | "terminal and centre differ: a person must decide";
        cause "两方的参数或累计数据不同" | "their parameters or accumulators differ";
        remedy "请按所列差异核对后转人工处理" | "compare the fields listed and pass it to the manual desk";
    NOTHING_SETTLED = "E-TERM-NOTHING-SETTLED", Clerk;
        message "没有结算，请勿收费" | "nothing was settled: do not charge";
        cause "中心没有给出结果，本笔已作废或正在冲正" | "the centre gave no outcome; it is void or being taken back";
        remedy "请在冲正完成后重新办理；系统会冲正到底" | "start anew once it is taken back; that is seen through by itself";
    NO_POLICY = "E-TERM-SETUP", Technician;
        message "终端无法启动" | "the terminal cannot start";
        cause "定义、策略包、脚本或状况表有误或缺少，或目录、中心令牌文件不可用" | "a definition, pack, script or table has a mistake or is missing, or a folder or the centre's token file cannot be used";
        remedy "请按提示修改" | "mend what is named";
    POLICY = "E-TERM-POLICY", Technician;
        message "新的政策包未启用，仍用原有的" | "the new policy packs are not taken up: those of before stay in force";
        cause "政策包有误、包内案例未通过、签名无效，或有业务没有政策包" | "one has a mistake, a case that fails or a signature that does not hold, or a scenario has no pack";
        remedy "请按提示修改；改好后自动启用" | "mend what is named; they are taken up by themselves then";
    DEFECT = "E-TERM-DEFECT", Technician;
        message "内部错误，业务未提交" | "an internal error ended the case, nothing was committed";
        cause "程序缺陷" | "a defect of this program";
        remedy "记录时间和操作，联系厂家；其他业务不受影响" | "note time and action, and report it; other cases go on";
    UNSURE = "E-TERM-UNSURE", Technician;
        message "提交时出错，结果以流水为准" | "an error while committing: the journal tells the outcome";
        cause "程序缺陷或磁盘错误" | "a defect of this program, or the disk";
        remedy "请查看流水，不要重复办理" | "look at the journal, do not repeat the case";
}

/// The longest name that PC/SC gives a reader, in bytes.
const LONGEST_READER: usize = 128;

/// There is no such reader. It is named where it could be one's name: what a caller sends may be anything.
pub(super) fn no_reader(wanted: &str) -> Failure {
    let could_be = wanted.len() <= LONGEST_READER && !wanted.chars().any(char::is_control);
    if could_be { Failure::with(&NO_READER, wanted) } else { Failure::of(&NO_READER) }
}

impl Condition {
    /// Why a scenario is refused under this condition.
    pub fn entry(self) -> &'static Entry {
        match self {
            Self::UplinkAway => &UPLINK_AWAY,
            Self::CardServiceAway => &CARD_SERVICE_AWAY,
            Self::KeysAway => &KEYS_AWAY,
            Self::Storage => &STORAGE,
            Self::Draining => &DRAINING,
        }
    }
}
