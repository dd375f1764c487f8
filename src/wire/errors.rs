//! What the centre says no by: the reference centre answers with these codes and no others, but for the codes of its rules,
//! and the terminal tells by them what is to be done and by whom. Another centre has codes of its own.

use crate::failure::{Entry, Failure};

crate::entries! {
    FORM = "C-FORM", Technician;
        class Refused;
        message "报文格式不符" | "the message has not the form that is asked for";
        cause "终端与中心的版本不符，或业务定义中的报文有误" | "terminal and centre are of different versions, or the scenario's message is defined wrongly";
        remedy "没有办理；请核对两方的版本与业务定义，改正后重新办理" | "nothing was done: compare the versions and the scenario's definition, mend them, and do it anew";
    RECEIVER = "C-RECEIVER", Technician;
        class Refused;
        message "接收系统代码与险种不符" | "the message is for another system than that of its insurance";
        cause "业务定义中的接收系统（recer_sys_code）有误" | "the scenario says a wrong receiver (recer_sys_code)";
        remedy "没有结算；请核对业务定义中的接收系统与险种" | "nothing was settled: compare the receiver in the scenario's definition with the insurance";
    CONFLICT = "C-CONFLICT", Technician;
        class Refused;
        message "同一编号的内容不同" | "the same number came before with other content";
        cause "此编号先前以另一内容到过中心：流水被还原或改动，或别的终端用了同一代码" | "the journal was restored or changed, or another terminal has the same code";
        remedy "先到的一笔有效；保留流水原样，与中心核对清楚之前不要重新办理" | "the one that came first stands: leave the journal as it is, and do nothing anew before it is cleared up with the centre";
    NO_PERSON = "C-NO-PERSON", Clerk;
        class Refused;
        message "中心没有此人的信息" | "the centre does not know this person";
        cause "此人没有登记，或登记的号码、姓名与卡内不同" | "they are not registered, or under another number or name than the card has";
        remedy "没有办理；请与持卡人核对登记信息，登记或更正后重新办理" | "nothing was done: go through the registration with the holder, and do it anew once it is there and right";
    NO_BENEFIT = "C-NO-BENEFIT", Clerk;
        class Refused;
        message "中心没有此人的待遇记录" | "the centre has no record of a benefit of this person";
        cause "待遇没有核定，或记在别的经办机构" | "the benefit was not granted, or another office has it";
        remedy "没有办理；请先核对待遇的核定情况，核定后重新办理" | "nothing was done: see whether the benefit was granted, and do it anew once it is";
    ALREADY = "C-ALREADY", Clerk;
        class Refused;
        message "同样的业务已经受理" | "the same was filed before and stands";
        cause "此人已在别的终端或此前办理，并且没有撤回" | "the person filed it at another terminal, or earlier, and did not withdraw it";
        remedy "没有重复受理；请按受理号查看已有的一笔，需要重办的，先撤回那一笔" | "it was not filed twice: see the one that stands by its number; to do it anew, withdraw that one first";
    PAY_UNKNOWN = "C-PAY-UNKNOWN", Clerk;
        class Refused;
        message "中心没有此人的这笔款项" | "the centre has no such payment to this person";
        cause "款项编号有误，或款项是他人的" | "its number is wrong, or it is another person's";
        remedy "没有办理；请核对款项编号后重新办理" | "nothing was done: check the payment's number and do it anew";
    PAY_STATE = "C-PAY-STATE", Clerk;
        class Refused;
        message "这笔款项现在不能领取" | "the payment cannot be collected as it stands";
        cause "款项已经领取，或者还没有到账" | "it was collected before, or the money has not come yet";
        remedy "已经领取的，与持卡人核对领取记录；没有到账的，到账后再办" | "where it was collected, go through that with the holder; where it has not come, do it once it has";
    ORDER_UNKNOWN = "C-ORDER-UNKNOWN", Clerk;
        class Refused;
        message "中心没有此人的这笔订单" | "the centre has no such order of this person";
        cause "订单号有误，或订单是他人的" | "its number is wrong, or it is another person's";
        remedy "没有缴费；请核对订单号后重新办理" | "nothing was paid: check the order's number and do it anew";
    ORDER_PAID = "C-ORDER-PAID", Clerk;
        class Refused;
        message "该订单已经缴费" | "the order is paid";
        cause "此前或在别处已经缴过" | "it was paid earlier, or somewhere else";
        remedy "没有再次缴费，无需再缴；有疑问的，请查缴费记录" | "it was not paid twice and need not be; where in doubt, see the records of payments";
    ORDER_CLOSED = "C-ORDER-CLOSED", Clerk;
        class Refused;
        message "该订单已经关闭" | "the order is closed";
        cause "订单已经作废，或过了缴费期" | "it was withdrawn, or its time is over";
        remedy "没有缴费；请到经办机构重新开具订单" | "nothing was paid: have the office make out another order";
    ORDER_AMOUNT = "C-ORDER-AMOUNT", Clerk;
        class Refused;
        message "缴费金额与订单应缴金额不符" | "the amount is not what is due on the order";
        cause "查询之后订单的应缴金额有变动" | "what is due was changed after it was asked for";
        remedy "没有缴费；请重新办理，按现在的应缴金额缴纳" | "nothing was paid: start anew and pay what is due now";
    VISIT_UNKNOWN = "C-VISIT-UNKNOWN", Clerk;
        class Refused;
        message "中心没有此人的这个就诊编号" | "the centre has no visit of this person under the number";
        cause "编号有误，属于他人，或登记还没有送达中心" | "the number is wrong, it is another person's, or what registered it has not come to the centre yet";
        remedy "没有办理；请按挂号或住院登记时中心给出的编号填写，登记还没有送达的，送达后再办" | "nothing was done: state the number that the centre gave at the registration or the admission; where that has not come there, wait until it has";
    VISIT_ENDED = "C-VISIT-ENDED", Clerk;
        class Refused;
        message "该就诊（住院）登记已撤回或者已结束" | "the visit or the admission was withdrawn, or is over";
        cause "登记已经撤回，或者已经办理出院" | "its registration was withdrawn, or the person was discharged";
        remedy "没有办理；请核对就诊编号，仍要就诊的，重新登记" | "nothing was done: check the visit's number; where the person is still to be seen, register them anew";
    VISIT_INSURANCE = "C-VISIT-INSURANCE", Clerk;
        class Refused;
        message "险种与此人参保的不同，或与该就诊（住院）登记的不同" | "the insurance is not the person's, or not that of the visit's registration";
        cause "所填的险种不是此人参保的，或与登记时的不同，或应按工伤、生育办理" | "the insurance stated is not the person's or not that of the registration, or it is a matter of work injury or maternity";
        remedy "没有办理；请核对险种，登记有误的，撤回后按正确的险种重新登记" | "nothing was done: check the insurance; where the registration is wrong, withdraw it and register anew under the right one";
    VISIT_CARE = "C-VISIT-CARE", Clerk;
        class Refused;
        message "门诊费用与住院登记、住院费用与门诊挂号不能互用" | "a clinic's bill names a stay, or a stay's bill names a visit";
        cause "所填的编号是另一类登记的，或医疗类别有误" | "the number is that of the other kind, or the kind of care (med_type) is wrong";
        remedy "没有结算，请勿收费；请核对就诊编号和医疗类别：门诊填挂号的编号，住院填住院登记的编号" | "nothing was settled, do not charge: check the number and the kind of care; a clinic's bill names the registration, a stay's the admission";
    LINE_DUPLICATE = "C-LINE-DUPLICATE", Clerk;
        class Refused;
        message "账单中有一行费用明细已经结算" | "a line of the bill is settled already";
        cause "此人的另一笔结算已有这一行：同一就诊内明细流水号相同，或两份账单有一份没有就诊编号而内容相同" | "another settlement of the person has it: the same number within the visit, or all the same where one of the two bills names no visit";
        remedy "没有结算，请勿收费；请从账单中去掉已结算的行，确属另一次收费的，给它另外的明细流水号" | "nothing was settled, do not charge: take what is settled out of the bill; where it was charged another time indeed, give the line a number of its own";
    REVERSED = "C-REVERSED", Clerk;
        class Refused;
        message "该报文已冲正" | "the message was reversed";
        cause "终端没有等到结果，已请中心收回这一笔" | "the terminal had no outcome and asked for it to be taken back";
        remedy "这一笔无效，请勿据此收费；需要办理的，重新办理" | "it counts for nothing: do not charge by it; where it is still wanted, start anew";
    INPUT = "C-INPUT", Technician;
        class Refused;
        message "中心的规则无法核定这笔业务" | "the centre's rules cannot decide it";
        cause "所填项目、日期或医疗类别不在中心的规则之内，或两方的政策包版本不同" | "an item, the day or the kind of care is none that its rules hold for, or the policy packs of the two differ";
        remedy "没有办理；请先核对所填内容，无误的，由技术人员核对两方的政策包" | "nothing was done: check what was filled in; where it is right, compare the policy packs of the two";
    REFUSED_BY_RULES = "C-REFUSED", Clerk;
        class Refused;
        message "中心的规则不予办理" | "the centre's rules say no";
        cause "中心的规则没有给出原因" | "they give no reason";
        remedy "没有办理；请向中心查询，并报出流水号" | "nothing was done: ask the centre, and tell it the transaction's number";
    NOT_FOUND = "C-NOT-FOUND", Clerk;
        class Refused;
        message "中心没有所指的这一笔" | "the centre has not what is meant, or it does not stand";
        cause "编号有误，属于他人或别的终端，或那一笔没有办成、已经收回" | "the number is wrong, it is another person's or terminal's, or it was never carried out or was taken back";
        remedy "请核对所指的那一笔及其状态；在别的终端办理的，到那里撤销" | "check which one is meant and how it stands; what was done at another terminal is taken back there";
    INFNO = "C-INFNO", Technician;
        class Refused;
        message "中心不支持该交易编号" | "the centre does not carry out what is asked for";
        cause "业务定义的报文名不是中心的，或中心没有该业务的记录" | "the scenario's message name is none of the centre's, or it keeps no records for it";
        remedy "没有办理；请与中心核对业务定义中的报文名" | "nothing was done: compare the message name in the scenario's definition with the centre";
    WITHDRAWN = "C-WITHDRAWN", Clerk;
        class Refused;
        message "这笔受理已经撤回" | "it is withdrawn already";
        cause "此前已经撤回过" | "it was withdrawn before";
        remedy "无需再撤回；仍要办理的，重新提交" | "it need not be withdrawn again; where it is still wanted, file it anew";
    ACTED = "C-ACTED", Clerk;
        class Refused;
        message "这笔受理已经据以办理，不能撤回" | "something came of it: it cannot be withdrawn";
        cause "款项已经领取，记录已经变更，或所登记的就诊已经结算" | "the money was collected, the record was changed, or the visit was settled";
        remedy "就诊已经结算的，先撤销结算；其他的，请转中心办理" | "where the visit was settled, cancel the settlement first; the others the centre sees to";
    CANCELLED = "C-CANCELLED", Clerk;
        class Refused;
        message "该结算已经撤销" | "the settlement is cancelled already";
        cause "此前已经撤销过" | "it was cancelled before";
        remedy "请勿再次退款；请查看原流水的状态" | "pay nothing back again; look at the state of the first transaction";
    LATER = "C-LATER", Clerk;
        class Refused;
        message "此人之后还有业务是据这一笔核算的" | "something later of the person was computed on this one";
        cause "起付标准、限额等累计数据按先后次序计算" | "deductible, caps and other accumulators count in the order of time";
        remedy "没有撤销，请勿退款；请由后到先逐笔撤销，或转人工窗口" | "nothing was cancelled, pay nothing back: cancel the later ones first, the last one before all, or pass it to the manual desk";
    NO_CANCELLATION = "C-NO-CANCELLATION", Clerk;
        class Refused;
        message "该结算不能自动撤销，请转人工" | "the settlement cannot be cancelled by itself";
        cause "政策包没有规定如何撤销，或撤销须由人工决定" | "the policy pack does not say how it is cancelled, or leaves it to a person";
        remedy "没有撤销，请勿退款；请转人工窗口或中心办理" | "nothing was cancelled, pay nothing back: pass it to the manual desk or the centre";
    ON_PURPOSE = "C-ON-PURPOSE", Technician;
        class Refused;
        message "中心按演示设置拒绝该业务" | "the demonstration's centre refuses it on purpose";
        cause "演示中心设置了故障（faults）" | "it was told to (faults)";
        remedy "没有办理；请取消该设置后重新办理" | "nothing was done: take that setting away and do it anew";
    DEMO = "C-DEMO", Technician;
        class Refused;
        message "正式中心不接收演示数据" | "demonstration data is not taken by a centre that is none";
        cause "终端以演示方式运行，或流水是演示时产生的" | "the terminal runs in demo mode, or the journal is from then";
        remedy "没有办理；请连接演示中心，或以正式方式和新的流水运行" | "nothing was done: take it to a centre for demonstration, or run without the demo mode and with a new journal";
    TOKEN = "C-TOKEN", Technician;
        class Refused;
        message "令牌不是本中心的" | "the token is not one of this centre's";
        cause "令牌文件有误，或令牌已经更换" | "the token's file is wrong, or the token was changed";
        remedy "请核对令牌文件与 [uplink]" | "check the token's file and [uplink]";
    ENROL = "C-ENROL", Technician;
        class Refused;
        message "报文不是所称终端发出的" | "it is not of the terminal that it says it is of";
        cause "终端没有登记，换了密钥或证书，或有人冒用" | "the terminal is not enrolled, has another key or certificate now, or somebody else speaks for it";
        remedy "查明原因后在中心登记：sbkd center enrol" | "find out which, and enrol it: sbkd center enrol";
    CHAIN_GAP = "C-CHAIN-GAP", Technician;
        class Refused;
        message "流水链不连续" | "the chain has a gap";
        cause "之前的记录没有到中心" | "records before it have not come to the centre";
        remedy "终端会自行补送；持续出现的，请核对流水：sbkd queue verify" | "the terminal sends them by itself; where it persists, prove the journal: sbkd queue verify";
    CHAIN_FORK = "C-CHAIN-FORK", Technician;
        class Refused;
        message "流水链与中心已有的不同" | "the chain is another one than the centre has";
        cause "流水从旧备份还原，被截断或改动，或别的终端用了同一代码" | "the journal was restored from an old backup, cut or changed, or another terminal has the same code";
        remedy "保留流水原样，与中心逐笔核对；备份之后的业务可能只有中心知道" | "leave the journal as it is and compare it with the centre's: of what was done since a backup only the centre may know";
    CHAIN_SIGNATURE = "C-CHAIN-SIGNATURE", Technician;
        class Refused;
        message "流水链的签名无效" | "no signature of the terminal holds for the headers";
        cause "终端换了密钥，或报文被改动" | "the terminal has another key now, or the message was changed";
        remedy "请核对终端的密钥与登记：sbkd center enrol" | "check the terminal's key and its enrolment: sbkd center enrol";
    CHAIN_HOLE = "C-CHAIN-HOLE", Technician;
        class Refused;
        message "终端声明有记录丢失（中心的告警）" | "a terminal says that it lost records (an alarm at the centre)";
        cause "终端的流水损坏，无法恢复的记录作为缺口签名上报" | "its journal was damaged, and it signed for what could not be saved";
        remedy "请与该终端核对缺口内的业务" | "go through what was in the hole with the terminal";
    CHAIN_ANEW = "C-CHAIN-ANEW", Technician;
        class Refused;
        message "终端的流水链重新开始（中心的告警）" | "a terminal's chain begins anew (an alarm at the centre)";
        cause "中心执行了 sbkd center enrol --anew" | "sbkd center enrol --anew was carried out at the centre";
        remedy "如非本中心所为，立即查明；原有的记录仍在" | "where nobody here did that, find out who did at once; what was there is kept";
    NO_KEYS = "C-NO-KEYS", Technician;
        class Refused;
        message "中心没有所需的密钥" | "the centre has no such key";
        cause "算法或密钥用途不支持，或中心不是演示中心" | "the algorithm or the key's role is none of its own, or the centre is none for demonstration";
        remedy "请核对密钥配置，或使用 PSAM 卡" | "check the configuration of the keys, or take a PSAM";
    DATABASE = "C-DATABASE", Technician;
        class Refused;
        message "中心的数据库出错" | "the centre's database fails";
        cause "磁盘已满或损坏" | "its disk is full or damaged";
        remedy "请联系中心；终端会自行重试" | "call the centre; the terminal tries again by itself";
    OTHER = "E-UPLINK-REFUSED", Clerk;
        class Refused;
        message "中心拒绝了该业务" | "the centre refused the transaction";
        cause "见中心给出的原因" | "see the centre's reason";
        remedy "请按中心给出的原因处理；原因不清楚的，请向中心查询，并报出所示代码" | "act on the centre's reason; where that is not clear, ask the centre and tell it the code that is shown";
}

/// The row of a centre's code; [`OTHER`] for one that is another centre's, or its rules'.
pub fn entry(code: &str) -> &'static Entry {
    ENTRIES.iter().find(|entry| entry.code == code).copied().unwrap_or(&OTHER)
}

/// A refusal as a person is told it, with the centre's words, which may name a person.
pub fn failure(code: &str, text: &str) -> Failure {
    Failure::with(entry(code), detail(code, text))
}

/// What is particular to a refusal: the centre's words, and its code where that is not the row's.
pub fn detail(code: &str, text: &str) -> String {
    if entry(code).code == code { text.to_owned() } else { format!("{code}: {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_known_tells_its_remedy_and_any_other_one_to_ask_the_centre() {
        let known = failure("C-ORDER-PAID", "该订单已经缴费");
        assert_eq!((known.entry, known.detail.as_deref()), (&ORDER_PAID, Some("该订单已经缴费")));
        for (code, text) in [("MED-FROZEN", "待遇冻结"), ("-1", "失败"), ("", "")] {
            let other = failure(code, text);
            assert_eq!((other.entry, other.detail), (&OTHER, Some(format!("{code}: {text}"))));
        }
    }
}
