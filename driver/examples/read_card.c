/* Prints the eleven fields of iReadCardBas, a line each.
 *
 *   cc -I driver/include driver/examples/read_card.c -lSSCardDriver -o read_card
 *   ./read_card [iType] [gbk|utf-8]
 */
#define _POSIX_C_SOURCE 200112L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "SSCardDriver.h"

static const char *const FIELDS[] = {
    "region",  "social_security_number", "card_number", "identifier", "name",     "reset",
    "version", "issued",                 "expires",     "terminal",   "device",
};

/* The next bar, which in GBK may also be the second half of a character. */
static char *bar(char *text, int gbk)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            return text;
        if (gbk && (unsigned char)*text >= 0x81 && text[1] != '\0')
            text++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    char out[SSCARD_GREATEST_OUTPUT];
    int type = argc > 1 ? atoi(argv[1]) : 3;
    const char *charset = argc > 2 ? argv[2] : "gbk";
    long code;
    char *text = out;
    size_t field;

    setenv("SBKD_DRIVER_CHARSET", charset, 1);
    code = iReadCardBas(type, out);
    if (code != 0) {
        printf("%ld %s\n", code, out);
        return 1;
    }
    for (field = 0; field < sizeof FIELDS / sizeof *FIELDS; field++) {
        char *end = bar(text, strcmp(charset, "gbk") == 0);
        if (end == NULL) {
            fprintf(stderr, "only %zu fields\n", field);
            return 2;
        }
        *end = '\0';
        printf("%s: %s\n", FIELDS[field], text);
        text = end + 1;
    }
    return 0;
}
