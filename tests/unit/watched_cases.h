// What is told of watched and looped time, by hand: of the aggregator and of its recount alike.
#pragma once

#include "schemas/registry.h"

#define WATCHED_MOST INT64_C(100000000000000000)
enum { WATCHED_TOLD = 5 };

// On one platform each: of unknown length, starts; looped, apart, length.
static const struct {
    uint32_t platform;
    enum counter counter;
} watched_told[WATCHED_TOLD] = {{PLATFORM_TIKTOK, COUNTER_WATCH_UNTIMED_MS},
                                {PLATFORM_TIKTOK, COUNTER_STARTS_LENGTH_MS},
                                {PLATFORM_YOUTUBE, COUNTER_LOOPED_MS},
                                {PLATFORM_YOUTUBE, COUNTER_WATCH_APART_MS},
                                {PLATFORM_YOUTUBE, COUNTER_VIEWS_LENGTH_MS}};

// A view, and what of it each of those counters has; watch and duration 0: not said.
struct watched_case {
    uint32_t kind;
    int64_t delta, watch_ms, duration_ms, told[WATCHED_TOLD];
};
static const struct watched_case watched_cases[] = {
    {KIND_VIEW, 1, 70, 100, {0, 0, 0, 0, 100}},
    {KIND_VIEW, 1, 250, 100, {0, 0, 150, 0, 100}},
    {KIND_VIEW, 3, 250, 100, {0, 0, 0, 0, 300}},
    {KIND_VIEW, 2, 250, 100, {0, 0, 50, 0, 200}},
    {KIND_VIEW, -2, 70, 100, {0, 0, 70, 0, -200}},
    {KIND_VIEW, 1, 70, 0, {70, 0, 0, 70, 0}}, // nobody knows how long it is
    {KIND_VIEW, -2, 70, 0, {70, 0, 0, 70, 0}},
    {KIND_VIEW, 1, 0, 100, {0, 0, 0, 0, 100}},
    {KIND_VIEW, 1, 70, WATCHED_MOST, {0, 0, 0, 0, WATCHED_MOST}},
    {KIND_VIEW, 2, 70, WATCHED_MOST, {0, 0, 0, 0, 0}}, // longer than anything may be
    {KIND_VIEW, WATCHED_MOST, 70, WATCHED_MOST, {0, 0, 0, 0, 0}},
    {KIND_VIEW, -WATCHED_MOST, 70, WATCHED_MOST, {0, 0, 70, 0, 0}},
    {KIND_VIEW_START, 4, 0, 100, {0, 400, 0, 0, 0}},
    {KIND_VIEW_START, -1, 70, 100, {0, -100, 70, 0, 0}},
    {KIND_VIEW_START, 2, 70, WATCHED_MOST, {0, 0, 0, 70, 0}},
    {KIND_VIEW_COMPLETE, 1, 170, 100, {0, 0, 70, 100, 0}},
    {KIND_REPLAY, 1, 70, 100, {0, 0, 70, 0, 0}},
    {KIND_REPLAY, 1, 70, 0, {70, 0, 70, 0, 0}},
};
enum { WATCHED_CASES = sizeof(watched_cases) / sizeof(watched_cases[0]) };
