// Which zone an account's days are of: the option accounts.zones.
#pragma once

#include "aggregate/zone/zone.h"

// `zones`: `ACCOUNT=ZONE`, comma separated, spaces around each passed over; of an item the last `=` parts the
// two. Writes the zone's name, empty where the account has none. STATUS_CONFIG (CLM-C1): an item is none, in
// whatever place, or the name is longer than that of a zone may be; whether there is such a zone
// account_zones_check says.
enum status account_zones_find(const char *zones, const char *account, char out[ZONE_NAME_MAX + 1],
                               struct problem *problem);
// Is each item one, of a zone that there is? Tells all that are not as findings, with their `origin`, and
// returns STATUS_CONFIG then. What zone_open says of the host (no zones are installed, a file is damaged) is
// in `problem`.
enum status account_zones_check(const char *zones, const char *origin, struct problem *problem);
