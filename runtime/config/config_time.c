// Points in time as people write them into files.
#include "runtime/config/config.h"

#include <string.h>
#include <time.h>

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

// Whether `text` begins as `pattern` says, in which 0 stands for any digit.
static bool text_fits(const char *text, const char *pattern) {
    for (; *pattern != '\0'; pattern++, text++)
        if (*pattern == '0' ? !is_digit(*text) : *text != *pattern)
            return false;
    return true;
}

static int number_at(const char *digits, int count) {
    int number = 0;
    for (int i = 0; i < count; i++)
        number = number * 10 + digits[i] - '0';
    return number;
}

static bool date_exists(const struct tm *t) {
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = t->tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1970 || t->tm_mon < 0 || t->tm_mon > 11)
        return false;
    int days = t->tm_mon == 1 && !leap ? 28 : month_days[t->tm_mon];
    return t->tm_mday >= 1 && t->tm_mday <= days && t->tm_hour < 24 && t->tm_min < 60 && t->tm_sec < 60;
}

// What follows the seconds: "Z", or up to three digits of a second and "Z".
static bool fraction_parse(const char *text, int64_t *ms) {
    *ms = 0;
    if (*text != '.')
        return strcmp(text, "Z") == 0;
    const char *at = text + 1;
    for (int64_t worth = 100; worth > 0 && is_digit(*at); at++, worth /= 10)
        *ms += (*at - '0') * worth;
    return at > text + 1 && strcmp(at, "Z") == 0;
}

bool config_parse_time(const char *text, int64_t *ms) {
    if (config_parse_int(text, ms))
        return *ms >= 0;
    if (!text_fits(text, "0000-00-00T00:00:00"))
        return false;
    struct tm t = {
        .tm_year = number_at(text, 4) - 1900,
        .tm_mon = number_at(text + 5, 2) - 1,
        .tm_mday = number_at(text + 8, 2),
        .tm_hour = number_at(text + 11, 2),
        .tm_min = number_at(text + 14, 2),
        .tm_sec = number_at(text + 17, 2),
    };
    int64_t fraction = 0;
    if (!date_exists(&t) || !fraction_parse(text + 19, &fraction))
        return false;
    *ms = (int64_t)timegm(&t) * 1000 + fraction;
    return true;
}
