/*
 * A reader of the tests for pcscd: vpcd's own driver, before which stands a PIN pad (PC/SC part 10), and whose card may
 * answer badly to a cold reset. Every function goes on to vpcd's driver, but for what the files in the directory
 * SBKD_TEST_READER ask for:
 *
 *   driver    the path of vpcd's driver
 *   features  which features the reader claims: any of "verify", "modify", one a line
 *   person    what a person does at the pad, one line an entry: digits (to change a PIN: old, new, new again, with
 *             blanks between), "cancel", or "away", who types nothing. Nobody is there when the lines are used up.
 *   deaf      where it is there, the reader fails at what it claims, as some do
 *   cold      what the answer to a cold reset is instead: "none", "check" for one whose check byte is wrong, or "radio"
 *             for what is made up for a contactless card
 *   warm      the same of a warm reset
 *
 * What it was told is written to "heard", one line each; the structures whole, of what was sent to the card only INS
 * and length. It does what a pad does and no more: it looks at no card and knows no command but by its structure.
 */
#include <dlfcn.h>
#include <ifdhandler.h>
#include <pthread.h>
#include <reader.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERIFY_CODE SCARD_CTL_CODE(3506)
#define MODIFY_CODE SCARD_CTL_CODE(3507)

enum { TIMED_OUT = 0x6400, CANCELLED = 0x6401, DIFFER = 0x6402, LENGTH = 0x6403, NOT_UNDERSTOOD = 0x6B80 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int entries;

static void path_of(char *path, size_t size, const char *name) {
    const char *dir = getenv("SBKD_TEST_READER");
    snprintf(path, size, "%s/%s", dir ? dir : "/nonexistent", name);
}

/* Line `number` of a file, counted from 0; whether there is one. */
static int line_of(const char *name, int number, char *line, int size) {
    char path[512];
    path_of(path, sizeof path, name);
    FILE *file = fopen(path, "r");
    int found = 0;
    if (!file) return 0;
    for (int at = 0; fgets(line, size, file); at++) {
        if (at == number) {
            line[strcspn(line, "\n")] = 0;
            found = 1;
            break;
        }
    }
    fclose(file);
    return found;
}

static int has_line(const char *name, const char *wanted) {
    char line[128];
    for (int at = 0; line_of(name, at, line, sizeof line); at++)
        if (!strcmp(line, wanted)) return 1;
    return 0;
}

static void heard(const char *format, ...) {
    char path[512];
    path_of(path, sizeof path, "heard");
    FILE *file = fopen(path, "a");
    if (!file) return;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fputc('\n', file);
    fclose(file);
}

static void *driver(const char *function) {
    static void *library;
    if (!library) {
        char path[512] = "";
        line_of("driver", 0, path, sizeof path);
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!library) {
            fprintf(stderr, "the driver behind the test reader cannot be loaded: %s\n", dlerror());
            abort();
        }
    }
    void *found = dlsym(library, function);
    if (!found) abort();
    return found;
}

#define PASS(function, parameters, arguments)                              \
    RESPONSECODE function parameters {                                     \
        return ((RESPONSECODE(*) parameters)driver(#function)) arguments;  \
    }

PASS(IFDHCreateChannelByName, (DWORD Lun, LPSTR Name), (Lun, Name))
PASS(IFDHCreateChannel, (DWORD Lun, DWORD Channel), (Lun, Channel))
PASS(IFDHCloseChannel, (DWORD Lun), (Lun))
PASS(IFDHGetCapabilities, (DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value), (Lun, Tag, Length, Value))
PASS(IFDHSetCapabilities, (DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value), (Lun, Tag, Length, Value))
PASS(IFDHSetProtocolParameters, (DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR P1, UCHAR P2, UCHAR P3),
     (Lun, Protocol, Flags, P1, P2, P3))
PASS(IFDHTransmitToICC,
     (DWORD Lun, SCARD_IO_HEADER Send, PUCHAR Sent, DWORD SentLength, PUCHAR Answer, PDWORD AnswerLength,
      PSCARD_IO_HEADER Receive),
     (Lun, Send, Sent, SentLength, Answer, AnswerLength, Receive))
PASS(IFDHICCPresence, (DWORD Lun), (Lun))

/* The holder's card is in the first slot. */
static int holder(DWORD Lun) { return (Lun & 0xFFFF) == 0; }

RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength) {
    RESPONSECODE done =
        ((RESPONSECODE(*)(DWORD, DWORD, PUCHAR, PDWORD))driver("IFDHPowerICC"))(Lun, Action, Atr, AtrLength);
    const char *kind = Action == IFD_POWER_UP ? "cold" : Action == IFD_RESET ? "warm" : NULL;
    if (!kind || !holder(Lun) || done != IFD_SUCCESS) return done;
    heard("%s reset", kind);
    if (has_line(kind, "none")) {
        *AtrLength = 0;
        return IFD_ERROR_POWER_ACTION;
    }
    /* By radio, without historical bytes: the last byte is the check byte. */
    static const UCHAR radio[] = {0x3B, 0x80, 0x80, 0x01, 0x01};
    int check = has_line(kind, "check");
    if (check || has_line(kind, "radio")) {
        memcpy(Atr, radio, sizeof radio);
        *AtrLength = sizeof radio;
        if (check) Atr[sizeof radio - 1] ^= 0xFF;
    }
    return IFD_SUCCESS;
}

/* Digits in packed BCD over what the template has there; how many bytes they take. */
static int pack(const char *digits, UCHAR *into) {
    int count = (int)strlen(digits);
    for (int i = 0; i < count; i++) {
        UCHAR digit = (UCHAR)(digits[i] - '0');
        UCHAR *byte = into + i / 2;
        *byte = i % 2 ? (UCHAR)((*byte & 0xF0) | digit) : (UCHAR)((*byte & 0x0F) | digit << 4);
    }
    return (count + 1) / 2;
}

/* Whether these are digits, and as many as asked for. */
static int fits(const char *digits, uint16_t lengths) {
    size_t count = strlen(digits);
    return strspn(digits, "0123456789") == count && count >= (size_t)(lengths >> 8) && count <= (size_t)(lengths & 0xFF);
}

static RESPONSECODE answer(UCHAR *into, DWORD size, LPDWORD length, unsigned status) {
    if (size < 2) return IFD_ERROR_INSUFFICIENT_BUFFER;
    into[0] = (UCHAR)(status >> 8);
    into[1] = (UCHAR)status;
    *length = 2;
    return IFD_SUCCESS;
}

/* Sends what was typed, once. */
static RESPONSECODE to_card(DWORD Lun, UCHAR *command, DWORD length, UCHAR *into, DWORD size, LPDWORD returned) {
    SCARD_IO_HEADER pci = {0, 0}, back = {0, 0};
    UCHAR got[258];
    DWORD count = sizeof got;
    heard("sent %02X of %lu", command[1], (unsigned long)length);
    RESPONSECODE done = IFDHTransmitToICC(Lun, pci, command, length, got, &count, &back);
    memset(command, 0, length);
    if (done != IFD_SUCCESS || count < 2) return IFD_COMMUNICATION_ERROR;
    return answer(into, size, returned, (unsigned)got[count - 2] << 8 | got[count - 1]);
}

/* What the person does now: 0 and up to three words typed, or the pad's own answer. */
static unsigned typed(char words[3][32]) {
    char line[128];
    if (!line_of("person", entries++, line, sizeof line) || !strcmp(line, "away")) return TIMED_OUT;
    if (!strcmp(line, "cancel")) return CANCELLED;
    words[0][0] = words[1][0] = words[2][0] = 0;
    sscanf(line, "%31s %31s %31s", words[0], words[1], words[2]);
    return 0;
}

/* What every pad can do: BCD, left aligned, in bytes, at the data's beginning, no length within. */
static int understood(UCHAR format, UCHAR block, UCHAR length_format) {
    return format == 0x81 && (block & 0xF0) == 0 && length_format == 0;
}

static RESPONSECODE verify(DWORD Lun, const PIN_VERIFY_STRUCTURE *told, DWORD length, UCHAR *into, DWORD size,
                           LPDWORD returned) {
    UCHAR command[64];
    char words[3][32];
    if (length < sizeof *told + 5 || told->ulDataLength != length - sizeof *told || told->ulDataLength > 40)
        return IFD_COMMUNICATION_ERROR;
    DWORD block = told->bmPINBlockString & 0x0F;
    if (!understood(told->bmFormatString, told->bmPINBlockString, told->bmPINLengthFormat) ||
        told->ulDataLength != 5 + block || told->abData[4] != block || told->bTimerOut == 0)
        return answer(into, size, returned, NOT_UNDERSTOOD);
    unsigned done = typed(words);
    if (done) return answer(into, size, returned, done);
    if (!fits(words[0], told->wPINMaxExtraDigit)) return answer(into, size, returned, LENGTH);
    memset(command, 0xFF, sizeof command);
    memcpy(command, told->abData, told->ulDataLength);
    int bytes = pack(words[0], command + 5);
    /* Without a block of its own the length is what was typed. */
    if (block == 0) command[4] = (UCHAR)bytes;
    return to_card(Lun, command, 5u + command[4], into, size, returned);
}

static RESPONSECODE modify(DWORD Lun, const PIN_MODIFY_STRUCTURE *told, DWORD length, UCHAR *into, DWORD size,
                           LPDWORD returned) {
    UCHAR command[64];
    char words[3][32];
    if (length < sizeof *told + 5 || told->ulDataLength != length - sizeof *told || told->ulDataLength > 40)
        return IFD_COMMUNICATION_ERROR;
    DWORD block = told->bmPINBlockString & 0x0F, lc = told->abData[4];
    if (!understood(told->bmFormatString, told->bmPINBlockString, told->bmPINLengthFormat) || block == 0 ||
        told->bConfirmPIN != 3 || told->bNumberMessage != 3 || lc != told->ulDataLength - 5 ||
        told->bInsertionOffsetOld + block > lc || told->bInsertionOffsetNew + block > lc || told->bTimerOut == 0)
        return answer(into, size, returned, NOT_UNDERSTOOD);
    unsigned done = typed(words);
    if (done) return answer(into, size, returned, done);
    if (!fits(words[0], told->wPINMaxExtraDigit) || !fits(words[1], told->wPINMaxExtraDigit))
        return answer(into, size, returned, LENGTH);
    if (strcmp(words[1], words[2])) return answer(into, size, returned, DIFFER);
    memcpy(command, told->abData, told->ulDataLength);
    pack(words[0], command + 5 + told->bInsertionOffsetOld);
    pack(words[1], command + 5 + told->bInsertionOffsetNew);
    return to_card(Lun, command, told->ulDataLength, into, size, returned);
}

static DWORD feature(UCHAR *into, UCHAR tag, DWORD code) {
    UCHAR bytes[6] = {tag, 4, (UCHAR)(code >> 24), (UCHAR)(code >> 16), (UCHAR)(code >> 8), (UCHAR)code};
    memcpy(into, bytes, sizeof bytes);
    return sizeof bytes;
}

RESPONSECODE IFDHControl(DWORD Lun, DWORD Code, PUCHAR Sent, DWORD SentLength, PUCHAR Answer, DWORD Size,
                         LPDWORD Returned) {
    char line[2];
    RESPONSECODE done = IFD_ERROR_NOT_SUPPORTED;
    *Returned = 0;
    pthread_mutex_lock(&lock);
    if (Code == CM_IOCTL_GET_FEATURE_REQUEST && Size >= 18) {
        heard("features");
        if (has_line("features", "verify")) *Returned += feature(Answer + *Returned, FEATURE_VERIFY_PIN_DIRECT, VERIFY_CODE);
        /* Something that nobody asked for stands between, as with real readers. */
        *Returned += feature(Answer + *Returned, FEATURE_IFD_PIN_PROPERTIES, SCARD_CTL_CODE(3510));
        if (has_line("features", "modify")) *Returned += feature(Answer + *Returned, FEATURE_MODIFY_PIN_DIRECT, MODIFY_CODE);
        done = IFD_SUCCESS;
    } else if (Code == VERIFY_CODE || Code == MODIFY_CODE) {
        char hex[2 * 128 + 1] = "";
        for (DWORD i = 0; i < SentLength && i < 128; i++) sprintf(hex + 2 * i, "%02X", Sent[i]);
        heard("%s %s", Code == VERIFY_CODE ? "verify" : "modify", hex);
        if (line_of("deaf", 0, line, sizeof line))
            done = IFD_COMMUNICATION_ERROR;
        else if (Code == VERIFY_CODE)
            done = verify(Lun, (const PIN_VERIFY_STRUCTURE *)Sent, SentLength, Answer, Size, Returned);
        else
            done = modify(Lun, (const PIN_MODIFY_STRUCTURE *)Sent, SentLength, Answer, Size, Returned);
    }
    pthread_mutex_unlock(&lock);
    return done;
}
