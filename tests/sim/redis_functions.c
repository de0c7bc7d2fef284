// FCALL: the functions' own text, in Lua 5.1 as Redis embeds it, over the commands of redis_commands.c.
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/functions.h"
#include "runtime/check.h"
#include "runtime/memory.h"
#include "tests/sim/redis.h"

enum { CALL_WORDS_MAX = 2048, ANSWER_MAX = 1024 };

static lua_State *lua; // one for the process: the library keeps nothing between calls
static struct sim_redis *redis;
static uint32_t shard;
static const struct slice *declared; // the keys of the call
static size_t declared_count;

// ---- redis.call, redis.pcall

static void push_slice(lua_State *l, struct slice text) {
    if (text.at == NULL)
        lua_pushboolean(l, 0);
    else
        lua_pushlstring(l, text.at, text.length);
}

static void push_error(lua_State *l, struct slice text) {
    lua_newtable(l);
    push_slice(l, text);
    lua_setfield(l, -2, "err");
}

static void push_answer(lua_State *l, const struct answer *a) {
    switch (a->kind) {
    case ANSWER_NIL:
        lua_pushboolean(l, 0);
        return;
    case ANSWER_INTEGER:
        lua_pushnumber(l, (lua_Number)a->integer);
        return;
    case ANSWER_TEXT:
        push_slice(l, a->text);
        return;
    case ANSWER_ERROR:
        push_error(l, a->text);
        return;
    case ANSWER_LIST:
        lua_newtable(l);
        for (size_t i = 0; i < a->count; i++) {
            push_slice(l, a->list[i]);
            lua_rawseti(l, -2, (int)i + 1);
        }
        return;
    }
    CHECK_UNREACHABLE("no answer");
}

// All commands have one key. Of a slot on the move, others may be elsewhere.
static bool is_declared(struct slice key) {
    for (size_t i = 0; i < declared_count; i++) {
        if (slice_equal(declared[i], key))
            return true;
    }
    return false;
}

static void command_run(lua_State *l, struct answer *answer) {
    static struct slice words[CALL_WORDS_MAX];
    int count = lua_gettop(l);
    CHECK(count > 1 && count <= CALL_WORDS_MAX);
    for (int i = 0; i < count; i++) {
        words[i].at = lua_tolstring(l, i + 1, &words[i].length);
        CHECK(words[i].at != NULL);
    }
    CHECK(is_declared(words[1]));
    sim_redis_command(redis, shard, words, (size_t)count, answer);
}

static int redis_pcall(lua_State *l) {
    struct answer answer;
    command_run(l, &answer);
    push_answer(l, &answer);
    return 1;
}

static int redis_call(lua_State *l) {
    struct answer answer;
    command_run(l, &answer);
    push_answer(l, &answer);
    return answer.kind == ANSWER_ERROR ? lua_error(l) : 1;
}

static int redis_acl_check(lua_State *l) {
    lua_pushboolean(l, 1);
    return 1;
}

// (name, callback) or {function_name =, callback =}: kept in the registry by name.
static int redis_register(lua_State *l) {
    if (lua_istable(l, 1)) {
        lua_getfield(l, 1, "function_name");
        lua_getfield(l, 1, "callback");
    }
    lua_settable(l, LUA_REGISTRYINDEX);
    return 0;
}

// ---- cjson and cmsgpack, as far as the functions use them

static int json_encode(lua_State *l) {
    luaL_Buffer out;
    int count = (int)lua_objlen(l, 1);
    luaL_buffinit(l, &out);
    for (int i = 1; i <= count; i++) {
        luaL_addstring(&out, i == 1 ? "[\"" : ",\"");
        lua_rawgeti(l, 1, i);
        CHECK(strpbrk(lua_tostring(l, -1), "\"\\") == NULL);
        luaL_addvalue(&out);
        luaL_addstring(&out, "\"");
    }
    luaL_addstring(&out, "]");
    luaL_pushresult(&out);
    return 1;
}

struct packing {
    char *at;
    size_t length, room;
};

static void pack_put(struct packing *p, const void *bytes, size_t length) {
    if (p->room - p->length < length) {
        p->room = 2 * p->room + length;
        p->at = memory_grow(p->at, p->room, 1);
    }
    memcpy(p->at + p->length, bytes, length);
    p->length += length;
}

// array 16 (0xdc) and str 32 (0xdb) of MessagePack.
static void pack_head(struct packing *p, unsigned char type, size_t count, int width) {
    unsigned char head[5] = {type};
    for (int i = 0; i < width; i++)
        head[1 + i] = (unsigned char)(count >> 8 * (width - 1 - i));
    pack_put(p, head, (size_t)width + 1);
}

static void pack_value(lua_State *l, struct packing *p) {
    if (lua_istable(l, -1)) {
        int count = (int)lua_objlen(l, -1);
        pack_head(p, 0xdc, (size_t)count, 2);
        for (int i = 1; i <= count; i++) {
            lua_rawgeti(l, -1, i);
            pack_value(l, p);
            lua_pop(l, 1);
        }
        return;
    }
    size_t length;
    const char *text = lua_tolstring(l, -1, &length);
    CHECK(text != NULL);
    pack_head(p, 0xdb, length, 4);
    pack_put(p, text, length);
}

static int msgpack_pack(lua_State *l) {
    struct packing p = {0};
    lua_settop(l, 1);
    pack_value(l, &p);
    lua_pushlstring(l, p.at, p.length);
    free(p.at);
    return 1;
}

static const unsigned char *unpack_value(lua_State *l, const unsigned char *at) {
    if (*at == 0xdc) {
        int count = at[1] << 8 | at[2];
        at += 3;
        lua_newtable(l);
        for (int i = 1; i <= count; i++) {
            at = unpack_value(l, at);
            lua_rawseti(l, -2, i);
        }
        return at;
    }
    CHECK(*at == 0xdb);
    size_t length = (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
    lua_pushlstring(l, (const char *)at + 5, length);
    return at + 5 + length;
}

static int msgpack_unpack(lua_State *l) {
    unpack_value(l, (const unsigned char *)lua_tostring(l, 1));
    return 1;
}

// ---- the library

static void library_register(const char *name, const luaL_Reg *functions) {
    luaL_register(lua, name, functions);
    lua_pop(lua, 1);
}

static void library_load(void) {
    static const luaL_Reg of_redis[] = {{"call", redis_call},
                                        {"pcall", redis_pcall},
                                        {"acl_check_cmd", redis_acl_check},
                                        {"register_function", redis_register},
                                        {NULL, NULL}};
    static const luaL_Reg of_json[] = {{"encode", json_encode}, {NULL, NULL}};
    static const luaL_Reg of_msgpack[] = {{"pack", msgpack_pack}, {"unpack", msgpack_unpack}, {NULL, NULL}};
    lua = luaL_newstate();
    CHECK(lua != NULL);
    luaL_openlibs(lua);
    library_register("redis", of_redis);
    library_register("cjson", of_json);
    library_register("cmsgpack", of_msgpack);
    struct slice code = functions_writer();
    const char *end = memchr(code.at, '\n', code.length); // the line that names the library is Redis' own
    struct slice body = {end, code.length - (size_t)(end - code.at)};
    if (luaL_loadbuffer(lua, body.at, body.length, "clameur.lua") != 0 || lua_pcall(lua, 0, 0, 0) != 0) {
        fprintf(stderr, "%s\n", lua_tostring(lua, -1));
        CHECK_UNREACHABLE("the functions do not load");
    }
}

static void push_words(const struct slice *words, size_t count) {
    lua_createtable(lua, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_slice(lua, words[i]);
        lua_rawseti(lua, -2, (int)i + 1);
    }
}

static struct slice slice_at(int index) {
    struct slice text;
    text.at = lua_tolstring(lua, index, &text.length);
    return text;
}

// The texts stay alive as long as the value on Lua's stack, which is left there until the next call.
static void answer_take(struct answer *answer) {
    static struct slice list[ANSWER_MAX];
    CHECK(lua_istable(lua, -1));
    lua_getfield(lua, -1, "err");
    if (!lua_isnil(lua, -1)) {
        *answer = (struct answer){.kind = ANSWER_ERROR, .text = slice_at(-1)};
        return;
    }
    lua_pop(lua, 1);
    size_t count = lua_objlen(lua, -1);
    CHECK(count <= ANSWER_MAX);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(lua, -1, (int)i + 1);
        list[i] = slice_at(-1);
        lua_pop(lua, 1);
    }
    *answer = (struct answer){.kind = ANSWER_LIST, .list = list, .count = count};
}

void sim_redis_fcall(struct sim_redis *r, uint32_t number, const struct slice *words, size_t count,
                     struct answer *answer) {
    if (lua == NULL)
        library_load();
    redis = r;
    shard = number;
    size_t key_count = strtoul(words[2].at, NULL, 10);
    CHECK(count >= 3 + key_count);
    declared = words + 3;
    declared_count = key_count;
    lua_settop(lua, 0);
    lua_pushlstring(lua, words[1].at, words[1].length);
    lua_gettable(lua, LUA_REGISTRYINDEX);
    if (!lua_isfunction(lua, -1)) {
        *answer = (struct answer){.kind = ANSWER_ERROR, .text = slice_of("ERR Function not found")};
        return;
    }
    push_words(words + 3, key_count);
    push_words(words + 3 + key_count, count - 3 - key_count);
    if (lua_pcall(lua, 2, 1, 0) != 0) {
        fprintf(stderr, "%s\n", lua_tostring(lua, -1));
        CHECK_UNREACHABLE("a function that fails past its guard");
    }
    answer_take(answer);
}
