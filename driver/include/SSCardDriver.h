/* SSCardDriver.h: the national driver interface of social security cards, served by sbkd (docs/driver.md).
 *
 * Every function returns 0, or below it why not, and writes to pOutInfo: its output on success, a description otherwise,
 * and a NUL behind it. Text is GBK, or UTF-8 by a setting, in both directions.
 *
 * The greatest output of a function is SSCARD_GREATEST_OUTPUT bytes, the NUL included, and pOutInfo has to have room for
 * them. iReadCard, iReadCard_HSM_Step2, iReadDebitRecord and PKI_SignData alone have the setting largest_output instead,
 * which is the same until it is raised. More is never written: an output that is longer is refused with -42.
 *
 * A char * that is NULL is refused with -14, one without a NUL in its first 65536 bytes with -42. No parameter is changed.
 * The functions may be called from several threads and after a fork. Of functions in steps a process is at one group at a
 * time, whichever thread calls; any other function ends it.
 */
#ifndef SSCARDDRIVER_H
#define SSCARDDRIVER_H

#if defined(_WIN32)
#define SSCARD_CALL __stdcall
#else
#define SSCARD_CALL
#endif

#define SSCARD_GREATEST_OUTPUT 1024

#ifdef __cplusplus
extern "C" {
#endif

/* iType: 1 contact, 2 contactless, 3 either with contact first, 4 either with contactless first. */

/* With the terminal's keys. */
long SSCARD_CALL iReadCardBas(int iType, char *pOutInfo);
long SSCARD_CALL iReadCard(int iType, int iAuthType, char *pCardInfo, char *pFileAddr, char *pOutInfo);
long SSCARD_CALL iWriteCard(int iType, char *pCardInfo, char *pFileAddr, char *pWriteData, char *pOutInfo);
long SSCARD_CALL iVerifyPIN(int iType, char *pOutInfo);
long SSCARD_CALL iChangePIN(int iType, char *pOutInfo);
long SSCARD_CALL iReloadPIN(int iType, char *pCardInfo, char *pOutInfo);
long SSCARD_CALL iUnblockPIN(int iType, char *pCardInfo, char *pOutInfo);
long SSCARD_CALL iDoDebit(int iType, char *pCardInfo, char *pPayInfo, char *pOutInfo);
long SSCARD_CALL iReadDebitRecord(int iType, char *pOutInfo);

/* With the caller's HSM, step by step. */
long SSCARD_CALL iReadCardBas_HSM_Step1(int iType, char *pOutInfo);
long SSCARD_CALL iReadCardBas_HSM_Step2(char *pKey, char *pOutInfo);
long SSCARD_CALL iReadCard_HSM_Step1(int iType, char *pCardInfo, char *pFileAddr, char *pOutInfo);
long SSCARD_CALL iReadCard_HSM_Step2(char *pKey, char *pOutInfo);
long SSCARD_CALL iWriteCard_HSM_Step1(int iType, char *pCardInfo, char *pFileAddr, char *pOutInfo);
long SSCARD_CALL iWriteCard_HSM_Step2(char *pKey, char *pWriteData, char *pOutInfo);
long SSCARD_CALL iReloadPIN_HSM_Step1(int iType, char *pCardInfo, char *pOutInfo);
long SSCARD_CALL iReloadPIN_HSM_Step2(char *pKey, char *pOutInfo);
long SSCARD_CALL iReloadPIN_HSM_Step3(char *pKey, char *pOutInfo);
long SSCARD_CALL iUnblockPIN_HSM_Step1(int iType, char *pCardInfo, char *pOutInfo);
long SSCARD_CALL iUnblockPIN_HSM_Step2(char *pKey, char *pOutInfo);
long SSCARD_CALL iUnblockPIN_HSM_Step3(char *pKey, char *pOutInfo);
long SSCARD_CALL iDoDebit_HSM_Step1(int iType, char *pCardInfo, char *pPayInfo, char *pOutInfo);
long SSCARD_CALL iDoDebit_HSM_Step2(char *pKey, char *pOutInfo);

/* With the card's certificates. */
long SSCARD_CALL PKI_SignData(char *pUserPin, char *pInData, int iType, char *pOutInfo);
long SSCARD_CALL PKI_VerifySign(char *pUserPin, char *pCert, char *pClearText, char *pSignature, int iType, char *pOutInfo);

#ifdef __cplusplus
}
#endif

#endif
