#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Texts quote what users wrote, and a file may hold escape sequences: show them, do not obey. */
static void copy_visible(char *out, size_t size, const char *in)
{
    static const char hex[] = "0123456789abcdef";
    size_t used = 0;
    for (; *in != '\0'; in++) {
        unsigned char c = (unsigned char)*in;
        int plain = c >= 0x20 && c != 0x7f;
        if (used + (plain ? 1 : 4) >= size) {
            if (size > 4)
                memcpy(out + (used < size - 4 ? used : size - 4), "...", 3);
            used = used < size - 4 ? used + 3 : size - 1;
            break;
        }
        if (plain) {
            out[used++] = (char)c;
            continue;
        }
        out[used++] = '\\';
        out[used++] = 'x';
        out[used++] = hex[c >> 4];
        out[used++] = hex[c & 15];
    }
    out[used] = '\0';
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    char text[2 * sizeof err->text];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        text[0] = '\0';
    err->code = code;
    copy_visible(err->text, sizeof err->text, text);
    return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
    char text[2 * sizeof err->text];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : strlen(text);
    snprintf(text + used, sizeof text - used, ": %s", err->text);
    copy_visible(err->text, sizeof err->text, text);
    return -1;
}

int error_memory(struct error *err)
{
    return error_set(err, ERR_MEMORY, "no memory left");
}
