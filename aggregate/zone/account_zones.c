#include "aggregate/zone/account_zones.h"

#include <string.h>

#include "runtime/config/findings.h"

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

static enum status no_item(const char *at, size_t length, struct problem *problem) {
    return problem_set(problem, STATUS_CONFIG, "CLM-C1",
                       "write ACCOUNT=ZONE, comma separated: acme=Europe/Berlin",
                       "accounts.zones: \"%.*s\" names no account and its zone", (int)length, at);
}

enum status account_zones_find(const char *zones, const char *account, char out[ZONE_NAME_MAX + 1],
                               struct problem *problem) {
    struct item item;
    out[0] = '\0';
    for (const char *at = zones; at[0] != '\0';) {
        size_t length = strcspn(at, ",");
        if (!item_read((struct slice){at, length}, &item))
            return no_item(at, length, problem);
        if (slice_equal(item.account, slice_of(account))) {
            memcpy(out, item.zone.at, item.zone.length);
            out[item.zone.length] = '\0';
        }
        at += length + (at[length] == ',');
    }
    return STATUS_OK;
}

static enum status item_check(const char *at, size_t length, struct problem *problem) {
    char name[ZONE_NAME_MAX + 1] = "";
    struct item item;
    struct zone *zone;
    if (!item_read((struct slice){at, length}, &item))
        return no_item(at, length, problem);
    memcpy(name, item.zone.at, item.zone.length);
    struct problem wrong;
    enum status status = zone_open(&zone, name, &wrong);
    if (status == STATUS_OK)
        zone_close(&zone);
    else
        problem_set(problem, status, "CLM-C1", wrong.remedy, "accounts.zones: %s", wrong.what);
    return status;
}

enum status account_zones_check(const char *zones, const char *origin, struct problem *problem) {
    struct findings findings;
    enum status host = STATUS_OK;
    findings_init(&findings);
    for (const char *at = zones; at[0] != '\0';) {
        size_t length = strcspn(at, ",");
        struct problem p;
        enum status status = item_check(at, length, &p);
        if (status == STATUS_CONFIG)
            findings_add(&findings, status, origin, "%s; %s", p.what, p.remedy);
        else if (status != STATUS_OK && host == STATUS_OK)
            host = problem_set(problem, status, "", p.remedy, "%s", p.what);
        at += length + (at[length] == ',');
    }
    enum status status = findings.count > 0 ? STATUS_CONFIG : host;
    findings_print(&findings);
    findings_fini(&findings);
    return status;
}
