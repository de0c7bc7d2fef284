#include "aggregate/zone/account_zones.h"

#include <string.h>

struct item {
    struct slice account, zone;
};

static struct slice trimmed(struct slice s) {
    while (s.length > 0 && s.at[0] == ' ') {
        s.at++;
        s.length--;
    }
    while (s.length > 0 && s.at[s.length - 1] == ' ')
        s.length--;
    return s;
}

static bool item_read(struct slice text, struct item *item) {
    size_t place = text.length;
    while (place > 0 && text.at[place - 1] != '=')
        place--;
    if (place == 0)
        return false;
    item->account = trimmed((struct slice){text.at, place - 1});
    item->zone = trimmed((struct slice){text.at + place, text.length - place});
    return item->account.length > 0 && item->zone.length > 0 && item->zone.length <= ZONE_NAME_MAX;
}

enum status account_zones_find(const char *zones, const char *account, char out[ZONE_NAME_MAX + 1],
                               struct problem *problem) {
    struct item item;
    out[0] = '\0';
    for (const char *at = zones; at[0] != '\0';) {
        size_t length = strcspn(at, ",");
        if (!item_read((struct slice){at, length}, &item))
            return problem_set(problem, STATUS_CONFIG, "CLM-C1",
                               "write ACCOUNT=ZONE, comma separated: acme=Europe/Berlin",
                               "accounts.zones: \"%.*s\" names no account and its zone", (int)length, at);
        if (slice_equal(item.account, slice_of(account))) {
            memcpy(out, item.zone.at, item.zone.length);
            out[item.zone.length] = '\0';
        }
        at += length + (at[length] == ',');
    }
    return STATUS_OK;
}
