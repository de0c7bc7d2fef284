#include "aggregate/figures/labels.h"

#include <ctype.h>
#include <stdio.h>

#include "clameur/v1/event.pb-c.h"
#include "schemas/registry.h"

// ORIGIN_BRAND is "brand" here.
static const char *enum_label(char out[LABEL_MAX], const ProtobufCEnumDescriptor *of, const char *prefix,
                              uint32_t number) {
    const ProtobufCEnumValue *value =
        number <= INT32_MAX ? protobuf_c_enum_descriptor_get_value(of, (int)number) : NULL;
    size_t length = strlen(prefix);
    if (value == NULL) {
        snprintf(out, LABEL_MAX, "%s%u", prefix, number);
        for (size_t i = 0; out[i] != '\0'; i++)
            out[i] = (char)tolower(out[i]);
        return out;
    }
    const char *name = value->name + length;
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < LABEL_MAX; i++)
        out[i] = (char)tolower(name[i]);
    out[i] = '\0';
    return out;
}

const char *label_origin(char out[LABEL_MAX], uint32_t origin) {
    return enum_label(out, &clameur__v1__origin__descriptor, "ORIGIN_", origin);
}

const char *label_format(char out[LABEL_MAX], uint32_t format) {
    return enum_label(out, &clameur__v1__content_format__descriptor, "CONTENT_FORMAT_", format);
}

const char *label_platform(char out[LABEL_MAX], uint32_t platform) {
    out[platform_write(out, platform)] = '\0';
    return out;
}

const char *label_paid(bool paid) {
    return paid ? "paid" : "organic";
}

const char *label_table(enum table table) {
    static const char *const names[TABLES] = {"totals", "content", "campaign", "tag",       "topic",
                                              "late",   "orders",  "reach",    "quantiles", "readings",
                                              "live",   "cohort",  "refunds",  "viewers"};
    return names[table];
}
