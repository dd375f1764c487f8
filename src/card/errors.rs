//! The failures of cards as a person is told them.

crate::entries! {
    WRONG_TYPE = "E-CARD-WRONG-TYPE", Holder;
        class Card;
        message "不是社会保障卡" | "this is not a social security card";
        cause "卡中没有社会保障应用环境或发卡数据" | "the card has no social security environment, or no issuer's data in it";
        remedy "请插入社会保障卡" | "insert a social security card";

    BLOCKED = "E-CARD-BLOCKED", Holder;
        class Card;
        message "卡已被锁定" | "the card is blocked";
        cause "发卡机构已将整卡锁定（6A81）" | "the issuer blocked the whole card (6A81)";
        remedy "请到发卡机构换卡" | "have the card replaced by its issuer";

    APPLICATION_LOCKED = "E-CARD-APPLICATION-LOCKED", Holder;
        class Card;
        message "卡的社保应用已被永久锁定" | "the card's application is permanently locked";
        cause "发卡机构已将应用锁定（9303）" | "the issuer locked the application (9303)";
        remedy "请到发卡机构换卡" | "have the card replaced by its issuer";

    NOT_GENUINE = "E-CARD-NOT-GENUINE", Clerk;
        class Card;
        message "卡未通过真伪鉴别" | "the card is not genuine";
        cause "内部认证失败：可能是复制卡、测试卡，或密钥不属于本系统" | "internal authentication failed: a copy, a test card, or keys of another system";
        remedy "不得受理此卡；请核实持卡人身份并按规定报告" | "do not accept the card; check who the holder is and report it as prescribed";

    NO_ALGORITHM = "E-CARD-NO-ALGORITHM", Technician;
        class Card;
        message "卡未标明加密算法" | "the card names no algorithm";
        cause "选择应用的应答中没有算法标识，配置也没有缺省算法" | "the answer to SELECT names none, and the configuration has no default";
        remedy "请在配置中设置 card.default_algorithm" | "set card.default_algorithm in the configuration";

    ALGORITHM = "E-CARD-ALGORITHM", Technician;
        class Card;
        message "卡的加密算法未知" | "the card's algorithm is not known";
        cause "算法标识不是 01、02 或 03" | "its identifier is none of 01, 02 and 03";
        remedy "请核对该批卡的规范" | "check the specification of these cards";

    VERSION = "E-CARD-VERSION", Technician;
        class Card;
        message "不支持该卡的规范版本" | "the card's version is not supported";
        cause "没有该版本的 APDU 脚本，或卡未写入规范版本" | "there is no APDU script for its version, or the card states none";
        remedy "请为该版本增加 APDU 脚本" | "add an APDU script for this version";

    HISTORICAL = "E-CARD-ATR", Technician;
        class Card;
        message "卡的复位信息不完整" | "the card's answer to reset is incomplete";
        cause "历史字节不足 13 个，无法分散密钥" | "it has fewer than 13 historical bytes, so that no key can be diversified";
        remedy "请改用接触式读卡器" | "use a reader with contacts";

    IDENTIFIER = "E-CARD-IDENTIFIER", Holder;
        class Card;
        message "卡识别码格式错误" | "the card's identifier is malformed";
        cause "卡未个人化，或数据已损坏" | "the card was never personalised, or its data is damaged";
        remedy "请到发卡机构换卡" | "have the card replaced by its issuer";

    GARBLED = "E-CARD-GARBLED", Holder;
        class Card;
        message "卡内数据损坏" | "a record of the card is garbled";
        cause "记录缺失、长度不符或内容不合规" | "a record is missing, has a wrong length, or a value that cannot be";
        remedy "请到发卡机构修复或换卡" | "have the card repaired or replaced by its issuer";

    NAME = "E-CARD-NAME", Holder;
        class Card;
        message "卡内姓名无法识别" | "the name on the card cannot be read";
        cause "姓名不是有效的 GB18030 编码" | "it is not valid GB18030";
        remedy "请到发卡机构更正姓名" | "have the name corrected by the card's issuer";

    NUMBER = "E-CARD-NUMBER", Holder;
        class Card;
        message "卡号校验错误" | "the card's number is wrong";
        cause "卡号的长度、字符或校验位不符" | "its length, a character or its check character is wrong";
        remedy "请到发卡机构换卡" | "have the card replaced by its issuer";

    HOLDER_NUMBER = "E-CARD-HOLDER-NUMBER", Holder;
        class Card;
        message "社会保障号码校验错误" | "the social security number on the card is wrong";
        cause "号码的长度、字符、出生日期或校验位不符" | "its length, a character, its birth date or its check digit is wrong";
        remedy "请到发卡机构更正" | "have it corrected by the card's issuer";

    TERMINAL_REFUSED = "E-CARD-TERMINAL-REFUSED", Technician;
        class Card;
        message "卡拒绝了本终端的密钥" | "the card refused the terminal's key";
        cause "外部认证失败（63Cx）：PSAM 卡与该卡不属于同一密钥体系" | "external authentication failed (63Cx): the PSAM and the card are of different key systems";
        remedy "不要重试；请核对 PSAM 卡，解除后方可再次使用" | "do not try again; check the PSAM, then release the pair";

    PAIR_HELD = "E-CARD-PAIR-HELD", Technician;
        class Card;
        message "该卡与本终端密钥的配对已停用" | "this card and the terminal's keys are held apart";
        cause "该卡曾拒绝本终端的密钥（PSAM 卡或加密机的），或连续两次未见其应答；卡对每个密钥只有一个计数器，换用其他来源再试也可能锁死卡" | "the card refused the terminal's key before, a PSAM's or a security module's, or its answer was lost twice in a row; the card counts the tries of a key by whomever they are, and more could lock it";
        remedy "请核对 PSAM 卡和加密机后执行 sbkd card release" | "check PSAM and security module, then run sbkd card release";

    PAIRS_UNKNOWN = "E-CARD-PAIRS-UNKNOWN", Technician;
        class Card;
        message "无法记录卡是否拒绝过本终端的密钥" | "whether the card refused the terminal's keys cannot be kept";
        cause "本地缓存库（store.db）没有位置、已损坏或无法读写；无记录地重试可能锁死卡" | "the local store (store.db) has no place, is damaged, or cannot be read or written; tries that nobody remembers could lock the card";
        remedy "请检查磁盘和 store.db：配置的 state 目录，无配置时为 $XDG_STATE_HOME/sbkd 或 ~/.local/state/sbkd；文件损坏时先核对 PSAM 卡再删除" | "check the disk and store.db: in the configured state directory, without a configuration in $XDG_STATE_HOME/sbkd or ~/.local/state/sbkd; a damaged file may be deleted once the PSAM was checked";

    KEY_LOCKED = "E-CARD-KEY-LOCKED", Holder;
        class Card;
        message "卡的读取密钥已锁死" | "the card's key for reading is locked";
        cause "外部认证失败次数过多（6983）" | "external authentication failed too often (6983)";
        remedy "请到发卡机构处理" | "take the card to its issuer";

    STATUS = "E-CARD-STATUS", Technician;
        class Card;
        message "卡返回了意外的应答" | "the card answered something unexpected";
        cause "卡不支持该命令，或卡内出错" | "the card does not know the command, or has an error of its own";
        remedy "请重新插卡；仍不行时核对该批卡的 APDU 脚本" | "insert the card again; if that does not help, check the APDU script for these cards";

    SCRIPT = "E-CARD-SCRIPT", Technician;
        class Card;
        message "卡的应答与脚本不符" | "the card's answer does not fit the script";
        cause "卡与脚本的规范不同，或脚本有误" | "the card follows another specification, or the script has a mistake";
        remedy "请按所示位置核对 apdu-scripts" | "check apdu-scripts at the place shown";

    RANDOM = "E-CARD-RANDOM", Technician;
        class Card;
        message "无法取得随机数" | "random bytes were not to be had";
        cause "系统随机数源没有应答" | "the system's generator gave nothing";
        remedy "请检查操作系统" | "check the operating system";

    BLACKLISTED = "E-CARD-BLACKLISTED", Clerk;
        class Card;
        message "卡在黑名单中，不得受理" | "the card is in the blacklist: do not accept it";
        cause "发卡机构已将该卡或其卡号段列入黑名单（如挂失、注销），附注见所示" | "its issuer listed the card, or the range of its number (as lost or cancelled); what it says of that is shown";
        remedy "不得办理；请核实持卡人身份，按规定处理此卡，持卡人可到发卡机构查询" | "carry out nothing; check who the holder is and deal with the card as prescribed; the holder may ask its issuer";

    NO_BLACKLIST = "E-CARD-BLACKLIST-NONE", Technician;
        class Card;
        message "没有可用的黑名单" | "there is no blacklist to go by";
        cause "从未导入，或已导入的名单损坏" | "none was taken in, or the one that was is damaged";
        remedy "请导入最新名单：sbkd blacklist import" | "take in the latest list: sbkd blacklist import";

    BLACKLIST_OLD = "E-CARD-BLACKLIST-OLD", Technician;
        class Card;
        message "黑名单已过时" | "the blacklist is too old to go by";
        cause "名单的制作时间早于 card.blacklist.max_age_hours 所限" | "it was made longer ago than card.blacklist.max_age_hours allows";
        remedy "请导入最新名单，并检查名单的下发" | "take in the latest list, and check why none comes";

    ISSUER = "E-CARD-ISSUER", Clerk;
        class Card;
        message "本终端不受理该机构的卡" | "cards of this issuer are not accepted here";
        cause "初始化机构编号不在 card.issuers 所列范围内，或卡未写入" | "who initialised it is none that card.issuers lists, or the card does not say";
        remedy "请持卡人到受理该卡的机构办理" | "send the holder to where the card is accepted";

    CATEGORY = "E-CARD-CATEGORY", Clerk;
        class Card;
        message "本终端不受理该类别的卡" | "cards of this category are not accepted here";
        cause "卡的类别不在 card.categories 所列范围内，或卡未写入" | "its category is none that card.categories lists, or the card does not say";
        remedy "请持卡人到受理该卡的机构办理" | "send the holder to where the card is accepted";

    VERSION_NOT_ACCEPTED = "E-CARD-VERSION-NOT-ACCEPTED", Clerk;
        class Card;
        message "本终端不受理该规范版本的卡" | "cards of this version are not accepted here";
        cause "规范版本不在 card.versions 所列范围内" | "its version is none that card.versions lists";
        remedy "请持卡人到发卡机构换卡，或到受理该卡的机构办理" | "have the card replaced by its issuer, or send the holder to where it is accepted";

    EXPIRED = "E-TERM-CARD-EXPIRED", Holder;
        class Card;
        message "卡已过有效期" | "the card is past its validity";
        cause "卡上写明的最后有效日已过" | "the last day that the card states is over";
        remedy "请到发卡机构换卡" | "have the card replaced by its issuer";

    CLOCK = "E-TERM-CARD-CLOCK", Technician;
        class Card;
        message "终端时钟不可信，无法判断卡的有效期" | "the terminal's clock cannot be right: whether the card is valid is not known";
        cause "系统日期早于本程序的安装日期" | "its date is before the day that this program was installed";
        remedy "请校准系统时间并启用网络对时，然后重新受理" | "set the clock, by the network where there is one, and begin anew";

    NOT_YET = "E-TERM-CARD-NOT-YET", Technician;
        class Card;
        message "卡的发卡日期晚于今天" | "by the terminal's clock the card is not issued yet";
        cause "终端时钟落后；时钟无误时，是卡上的发卡日期写错" | "the terminal's clock is behind; where it is right, the card states a wrong day";
        remedy "请核对系统日期；日期无误时，请持卡人到发卡机构查询" | "check the system's date; where that is right, the holder asks the card's issuer";

    UNKNOWN_ITEM = "E-CARD-UNKNOWN-ITEM", Clerk;
        class Usage;
        message "没有这样的文件或数据项" | "there is no such file or item";
        cause "卡文件表（config/card/files.toml）中没有所写的名称" | "the table of the card's files (config/card/files.toml) does not have the name";
        remedy "核对名称：写作 DF04/EF05、DF04/EF05/81、DF02/EF15/99:2/10、DF03/EF19:2 或 DF02/EF07:+" | "check the name; it is written as DF04/EF05, DF04/EF05/81, DF02/EF15/99:2/10, DF03/EF19:2 or DF02/EF07:+";

    NO_FILE = "E-CARD-NO-FILE", Clerk;
        class Card;
        message "卡中没有该目录、文件或记录" | "the card does not have this directory, file or record";
        cause "该批卡没有建立此文件，或规范版本不同" | "cards of this kind were made without it, or follow another version";
        remedy "改从业务系统查询该信息" | "look the information up in the office's own system";

    NEVER = "E-CARD-NEVER", Clerk;
        class Card;
        message "该文件不能由终端读写" | "no terminal reads or writes this file";
        cause "该文件只由卡自己写入，或禁止读出" | "only the card itself writes it, or it is not given out";
        remedy "不要再试" | "do not try again";

    NO_KEY = "E-CARD-NO-KEY", Technician;
        class Card;
        message "没有该文件所需的密钥" | "a key that the file asks for is not to be had";
        cause "PSAM 卡未装载该密钥、卡中没有该密钥，或密钥表中没有其编号" | "the PSAM or the card lacks it, or the table of keys does not say how it is named";
        remedy "能凭 PIN 读取的请输入 PIN；否则换领装有该密钥的 PSAM 卡" | "where the PIN does as well, enter it; else obtain a PSAM with this key";

    PIN_NEEDED = "E-CARD-PIN-NEEDED", Holder;
        class Card;
        message "需要持卡人输入密码" | "the holder's PIN is needed";
        cause "该文件须凭密码读写" | "the file is read or written by the PIN";
        remedy "请持卡人输入密码" | "have the holder enter the PIN";

    PIN_WRONG = "E-CARD-PIN-WRONG", Holder;
        class Card;
        message "密码错误" | "the PIN is wrong";
        cause "输入的密码与卡内的不同；次数用完后密码将被锁定" | "it is not the card's; when no try is left the PIN is locked";
        remedy "请持卡人核对密码后再输入" | "have the holder make sure of the PIN before it is entered again";

    PIN_LOCKED = "E-CARD-PIN-LOCKED", Holder;
        class Card;
        message "密码已锁定" | "the PIN is locked";
        cause "密码错误次数过多" | "it was wrong too often";
        remedy "请持卡人持身份证件到发卡机构解锁或重置" | "have the card's issuer unblock it, with the holder's identity papers";

    PIN_INITIAL = "E-CARD-PIN-INITIAL", Holder;
        class Card;
        message "不能用初始密码办理" | "the initial PIN may not be used";
        cause "卡的密码仍是出厂的初始密码" | "the card still has the PIN that it was issued with";
        remedy "请持卡人先修改密码" | "have the holder change the PIN first";

    PIN_TO_INITIAL = "E-CARD-PIN-TO-INITIAL", Holder;
        class Card;
        message "不能改为初始密码" | "the PIN may not become the initial one";
        cause "新密码是出厂的初始密码" | "the new PIN is the one that cards are issued with";
        remedy "请持卡人另选密码" | "have the holder choose another one";

    PIN_UNSURE = "E-CARD-PIN-UNSURE", Holder;
        class Card;
        message "新密码可能已生效" | "the new PIN may be in force";
        cause "修改或重置密码时卡被拔出，或卡没有明确应答" | "the card was pulled, or gave no clear answer, while its PIN was changed or set anew";
        remedy "请先用新密码试一次；密码错误时再用原密码，每次错误都减少一次机会" | "try the new PIN first, and the old one only where that is wrong: each wrong one costs a try";

    PIN_FORM = "E-CARD-PIN-FORM", Holder;
        class Usage;
        message "密码格式错误" | "this is no PIN";
        cause "密码为 4 至 16 位数字" | "a PIN has 4 to 16 digits";
        remedy "请重新输入" | "enter it anew";

    PINS_DIFFER = "E-CARD-PINS-DIFFER", Holder;
        class Usage;
        message "两次输入的密码不同" | "the two PINs differ";
        cause "新密码须输入两次且相同" | "a new PIN is entered twice, the same each time";
        remedy "请重新输入" | "enter it anew";

    PIN_CANCELLED = "E-CARD-PIN-CANCELLED", Holder;
        class Card;
        message "密码输入已取消" | "the PIN entry was cancelled";
        cause "持卡人在密码键盘上按了取消键；卡未收到密码，次数不减" | "the holder pressed the keypad's cancel key; the card heard of nothing, and no try is lost";
        remedy "需要时请重新办理" | "begin anew where it is wanted";

    PIN_TIMED_OUT = "E-CARD-PIN-TIMED-OUT", Holder;
        class Card;
        message "密码输入超时" | "nobody entered a PIN in time";
        cause "在规定时间内没有在密码键盘上输完密码；卡未收到密码，次数不减" | "it was not typed at the keypad in time; the card heard of nothing, and no try is lost";
        remedy "请重新办理并及时输入；时间可用 readers.pin_secs 设置" | "begin anew and type it in time; readers.pin_secs sets how long that is";

    PAD_LENGTH = "E-CARD-PAD-LENGTH", Holder;
        class Usage;
        message "密码位数不符" | "the PIN has another number of digits";
        cause "密码键盘只接受 6 位密码；卡未收到密码，次数不减" | "the keypad takes PINs of 6 digits; the card heard of nothing, and no try is lost";
        remedy "请重新输入；密码不是 6 位的，由技术人员将该读卡器的 pin_pad 设为 \"none\"，改由程序界面输入" | "enter it anew; for PINs that do not have 6 digits a technician sets the reader's pin_pad to \"none\", and they are entered by keyboard";

    NOT_ALLOWED = "E-CARD-NOT-ALLOWED", Technician;
        class Card;
        message "卡不允许该操作" | "the card does not allow it";
        cause "已认证的密钥或密码不足（6901、6982、6985）：该批卡的读写条件与文件表不同" | "what was proven does not do (6901, 6982, 6985): these cards have other conditions than the table of files";
        remedy "请核对该批卡的规范和 config/card/files.toml" | "check these cards' specification and config/card/files.toml";

    PROTECTION = "E-CARD-PROTECTION", Technician;
        class Card;
        message "卡拒绝了安全报文" | "the card refused the protection of the command";
        cause "MAC 或加密与卡不符（6984、6988、9302）" | "the MAC or the encipherment does not fit the card (6984, 6988, 9302)";
        remedy "请核对 PSAM 卡的安全报文密钥和 config/card 的写入方式" | "check the PSAM's key of secure messaging, and how config/card says that files are written";

    NEW_VALUE = "E-CARD-NEW-VALUE", Clerk;
        class Usage;
        message "新值不合数据项的格式" | "the new value does not fit its item";
        cause "过长，或字符不符：数字项只含数字，二进制项为十六进制" | "it is too long, or has a character that the item cannot hold: digits only, or hexadecimal";
        remedy "请改正新值" | "correct the new value";

    NOT_WRITTEN = "E-CARD-NOT-WRITTEN", Technician;
        class Card;
        message "写入后读出的值不同" | "what was written reads back otherwise";
        cause "卡应答成功而没有写入；原值已恢复" | "the card said that it wrote, and did not; what it held before was put back";
        remedy "请核对该批卡的规范和 config/card/files.toml" | "check these cards' specification and config/card/files.toml";

    WRITE_TORN = "E-CARD-WRITE-TORN", Clerk;
        class Card;
        message "写卡中断" | "a write was torn";
        cause "写入未完成时卡被拔出或通信中断" | "the card was pulled, or the way to it failed, before the write was done";
        remedy "请重新插入该卡并执行 sbkd card mend：写入将完成或撤销" | "put the same card in again and run sbkd card mend: the write is completed or undone";

    HALF_WRITTEN = "E-CARD-HALF-WRITTEN", Technician;
        class Card;
        message "卡内数据只写了一部分" | "the card is half written";
        cause "卡拒绝继续写入，也拒绝恢复原值，或循环文件的最新记录只写了一半" | "it refused the rest of a write, and to take back what it held before; or the newest record of a cyclic file is half written, and no other takes its place";
        remedy "请保留该卡，排除原因后执行 sbkd card mend" | "keep the card, remove the cause, then run sbkd card mend";

    CHANGED_ELSEWHERE = "E-CARD-CHANGED-ELSEWHERE", Clerk;
        class Card;
        message "写卡中断后，该处已被别处改写" | "after a write was torn, somebody else wrote there";
        cause "卡内既不是本终端写入前的值，也不是要写入的值，而是另一个完整的值" | "the card holds neither what it did before nor what was to be written, but another whole value";
        remedy "请核对卡内数据，不再需要原写入时执行 sbkd card mend --discard，需要时再重新写入" | "look at what the card holds; give the write up with sbkd card mend --discard, and write again if it is still wanted";

    WRITE_OPEN = "E-CARD-WRITE-OPEN", Clerk;
        class Card;
        message "该卡有中断的写入尚未处理" | "an earlier write on this card was torn";
        cause "上次写卡时卡被拔出或通信中断" | "the card was pulled, or the way to it failed, when it was written last";
        remedy "请先执行 sbkd card mend" | "run sbkd card mend first";

    WRITES_UNKNOWN = "E-CARD-WRITES-UNKNOWN", Technician;
        class Storage;
        message "无法记录写卡" | "writes to cards cannot be kept";
        cause "本地缓存库（store.db）或密钥目录没有位置、已损坏、无法读写，或密钥已更换" | "the local store (store.db) or the folder of keys has no place, is damaged, cannot be read or written, or the key was replaced";
        remedy "请检查磁盘、store.db 和密钥目录；没有记录时不写卡" | "check the disk, store.db and the keys: no card is written that nobody would remember";

    SWAPPED = "E-CARD-SWAPPED", Clerk;
        class Card;
        message "卡已被换成另一张" | "it is another card";
        cause "读卡器中的卡不是先前读取的那张" | "the card in the reader is not the one that was read before";
        remedy "请重新读卡" | "read the card anew";

    MEMORY = "E-CARD-MEMORY", Holder;
        class Card;
        message "卡的存储器出错或已满" | "the card's memory failed or is full";
        cause "卡无法写入（6581、6A84）" | "the card cannot write (6581, 6A84)";
        remedy "请到发卡机构检测或换卡" | "have the card checked or replaced by its issuer";
}
