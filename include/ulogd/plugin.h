/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plugin.h - everything a plugin sees of the daemon.
 *
 * A plugin is one shared object, ulogd_<class>_<NAME>.so, that defines one
 * struct ulogd_plugin by ULOGD_PLUGIN().  A stack in ulogd.conf makes instances
 * of it: one per `id:NAME`.  An input fills a record and sends it down the
 * stack; filters read and add fields; outputs turn the record into bytes, which
 * a sink carries to its destination on a thread of its own.
 *
 * Threads: start and stop run on the main thread, everything else on the
 * thread of the lane the instance belongs to.  An instance therefore never runs
 * twice at once, and two instances never share private data.
 *
 * Unless a function says otherwise it returns 0 or a negative errno.
 */
#ifndef ULOGD_PLUGIN_H
#define ULOGD_PLUGIN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ulogd/buf.h>
#include <ulogd/fields.h>

/** Changes when a module built for the old one would misbehave with the new one. */
#define ULOGD_API_VERSION 1

struct ulogd_instance;
struct ulogd_record;

/* ---------------------------------------------------------------- fields */

/** The type of a field's value. */
enum ulogd_type {
	ULOGD_NONE,
	ULOGD_I8, ULOGD_I16, ULOGD_I32, ULOGD_I64,
	ULOGD_U8, ULOGD_U16, ULOGD_U32, ULOGD_U64,
	ULOGD_BOOL,	/* a small number; tcp.res1 and tcp.res2 hold more than 0 and 1 */
	ULOGD_IPADDR,	/* 4 or 16 bytes in network byte order; the length tells the family */
	ULOGD_STRING,	/* text, not terminated by a NUL, any bytes */
	ULOGD_RAW,	/* bytes */
	ULOGD_RAWSTR,	/* text that SQL outputs insert without quotes */
};

/**
 * One line of a plugin's table of inputs or outputs.  A shared field is named
 * by its id; a field of one plugin leaves the id FIELD_NONE and brings its name
 * and type.  A table ends with an empty line, `{}`.
 */
struct ulogd_field {
	enum ulogd_field_id id;
	bool optional;			/* inputs: the stack may lack a producer */
	const char *name;		/* id FIELD_NONE only: at most 31 characters */
	enum ulogd_type type;		/* id FIELD_NONE only */
	/*
	 * Inputs: how many bytes of it are read, from its beginning, or of what it counts; 0: all.
	 * Who makes it need not make more, see ulogd_out_bytes().
	 */
	uint32_t bytes;
};

/* --------------------------------------------------------------- options */

enum ulogd_option_type {
	ULOGD_OPTION_INT,	/* int32_t member */
	ULOGD_OPTION_AUTO,	/* int32_t member; ULOGD_AUTO for the word auto */
	ULOGD_OPTION_U32,	/* uint32_t member; negative values are two's complement */
	ULOGD_OPTION_BOOL,	/* bool member; any integer, all but 0 are true */
	ULOGD_OPTION_STRING,	/* const char * member, owned by the core */
	ULOGD_OPTION_LANES,	/* int32_t member; of inputs, one at most */
};

/**
 * One option of ulogd.conf.  Before start() the value, parsed and checked, is in
 * the member of the same name of the plugin's private struct.  Made by the
 * ULOGD_OPT_* macros; a table ends with an empty line, `{}`.
 */
struct ulogd_option {
	const char *name;
	enum ulogd_option_type type;
	size_t offset;
	int64_t def;
	const char *def_str;
	int64_t min, max;	/* ULOGD_OPTION_INT, ULOGD_OPTION_AUTO, ULOGD_OPTION_LANES */
	const char *help;
};

/* 0; does not compile unless `member` of the struct `priv` is a `want`. */
#define ULOGD_CHECK_TYPE(want, priv, member) \
	(0 * sizeof(char[__builtin_types_compatible_p(want, __typeof__(((priv *)0)->member)) ? 1 : -1]))

#define ULOGD_OPTION(want, kind, priv, member, ...) \
	{ .name = #member, .type = (kind), \
	  .offset = offsetof(priv, member) + ULOGD_CHECK_TYPE(want, priv, member), __VA_ARGS__ }

/** A number from @lo to @hi, in an int32_t. */
#define ULOGD_OPT_INT(priv, member, dflt, lo, hi, text) \
	ULOGD_OPTION(int32_t, ULOGD_OPTION_INT, priv, member, \
		     .def = (dflt), .min = (lo), .max = (hi), .help = (text))

/** What auto is in the member of an option. */
#define ULOGD_AUTO (-1)

/** A number from @lo to @hi, in an int32_t, or the word auto: the plugin finds out. */
#define ULOGD_OPT_AUTO(priv, member, dflt, lo, hi, text) \
	ULOGD_OPTION(int32_t, ULOGD_OPTION_AUTO, priv, member, \
		     .def = (dflt), .min = (lo), .max = (hi), .help = (text))

/**
 * What an input reads: a number from @lo to @hi, in an int32_t, or several, written as first-last.
 * For each of them there is an instance of the input, with a lane of its own and with all that
 * follows it in the stacks.
 */
#define ULOGD_OPT_LANES(priv, member, dflt, lo, hi, text) \
	ULOGD_OPTION(int32_t, ULOGD_OPTION_LANES, priv, member, \
		     .def = (dflt), .min = (lo), .max = (hi), .help = (text))

/** A number of 32 bits, in a uint32_t. */
#define ULOGD_OPT_U32(priv, member, dflt, text) \
	ULOGD_OPTION(uint32_t, ULOGD_OPTION_U32, priv, member, .def = (dflt), .help = (text))

/** A switch, in a bool. */
#define ULOGD_OPT_BOOL(priv, member, dflt, text) \
	ULOGD_OPTION(bool, ULOGD_OPTION_BOOL, priv, member, .def = (dflt), .help = (text))

/** Text, in a const char *; never NULL. */
#define ULOGD_OPT_STRING(priv, member, dflt, text) \
	ULOGD_OPTION(const char *, ULOGD_OPTION_STRING, priv, member, \
		     .def_str = (dflt), .help = (text))

/* -------------------------------------------------------------- counters */

/**
 * One counter of a plugin: a uint64_t of its private data that only ulogd_count() changes, on the
 * thread of the lane; other threads read it at any time.  A table ends with an empty line, `{}`.
 */
struct ulogd_counter {
	const char *name;	/* the member's: what is counted, without a unit */
	size_t offset;
	const char *help;
};

#define ULOGD_COUNTER(priv, member, text) \
	{ .name = #member, \
	  .offset = offsetof(priv, member) + ULOGD_CHECK_TYPE(uint64_t, priv, member), .help = (text) }

/** Adds @n to a counter.  There is one writer, so a plain addition is enough. */
static inline void ulogd_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/** Reads a counter, on any thread. */
static inline uint64_t ulogd_counted(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* --------------------------------------------------------------- plugins */

enum ulogd_kind {
	ULOGD_INPUT,
	ULOGD_FILTER,
	ULOGD_OUTPUT,
};

/** What run() and format() answer. */
enum {
	ULOGD_PASS = 0,		/* go on with the next plugin of the stack */
	ULOGD_STOP = 1,		/* the record ends here, on purpose: counted as filtered */
	/* negative errno: the record ends here, counted as failed and said (rate limited) */
};

/**
 * A plugin.  Defined once per module by ULOGD_PLUGIN(), constant, never freed.
 */
struct ulogd_plugin {
	uint32_t api_version;		/* set by ULOGD_PLUGIN() */
	size_t priv_size;		/* set by ULOGD_PLUGIN() */

	const char *name;		/* as in stack=, upper case */
	enum ulogd_kind kind;
	bool in_netns;			/* inputs: takes network_namespace_path */
	bool ends;			/* inputs: calls ulogd_input_done(), mostly; nobody needs to reach a
					 * daemon whose inputs are all like that */
	bool to_file;			/* outputs: takes the options of ulogd_output_file() */
	const struct ulogd_option *options;	/* or NULL */
	const struct ulogd_field *inputs;	/* or NULL */
	bool inputs_all;		/* instead: the outputs of all before it, see ulogd_input_at() */
	const struct ulogd_field *outputs;	/* or NULL */
	const struct ulogd_counter *counters;	/* or NULL */
	const char *subject;	/* the option that tells what is counted; or NULL.  "group" says that
				 * this is a log group, which ulogd --diagnose then looks for */

	/**
	 * Looks at the options, which are in the private data, while the configuration is read: with
	 * ulogd -t, too, and without privileges.  Opens nothing.  What is wrong it says itself, by
	 * ulogd_fail_option() or ulogd_fail(); a negative errno refuses the configuration, or with
	 * --lenient leaves out the stack.
	 */
	int (*check)(struct ulogd_instance *inst);

	/**
	 * Opens what the instance needs: called once, on the main thread, with all
	 * privileges, in the network namespace of the lane, from the outputs to the
	 * input.  An output names its destination here (ulogd_output_file()).
	 * On error it undoes what it did; stop() is not called then.
	 */
	int (*start)(struct ulogd_instance *inst);

	/**
	 * What ulogd_out_wanted() and ulogd_out_bytes() answer may have changed: whoever remembers it
	 * from start() asks again.
	 * On the main thread, while the lane pauses between two events.
	 */
	void (*relink)(struct ulogd_instance *inst);

	/** Filters: looks at a record, adds fields to it. Answers ULOGD_PASS, ULOGD_STOP or an error. */
	int (*run)(struct ulogd_instance *inst, struct ulogd_record *rec);

	/**
	 * Outputs: appends the record's bytes to @out, whole records only.  May be
	 * called again for the same record with a larger buffer when @out was full,
	 * so it changes nothing but @out.  Appending nothing means nothing to write.
	 */
	int (*format)(struct ulogd_instance *inst, const struct ulogd_record *rec,
		      struct ulogd_buf *out);

	/**
	 * Inputs: the daemon is stopping.  Called on the lane's thread; ends the flow
	 * of new events and sends what has arrived already down the stack.
	 */
	void (*drain)(struct ulogd_instance *inst);

	/** Releases everything start() made, on the main thread, when the lane has ended. */
	void (*stop)(struct ulogd_instance *inst);

	/** Writes a line of the instance's counters to the log, on the lane's thread (SIGUSR2). */
	void (*report)(struct ulogd_instance *inst);
};

/** Defines the module's plugin: the type of its private data, then struct members. */
#define ULOGD_PLUGIN(priv, ...) \
	__attribute__((visibility("default"))) extern const struct ulogd_plugin ulogd_plugin; \
	const struct ulogd_plugin ulogd_plugin = { \
		.api_version = ULOGD_API_VERSION, .priv_size = sizeof(priv), __VA_ARGS__ }

/** The instance's private data: zeroed, options filled in, freed by the core. */
void *ulogd_priv(const struct ulogd_instance *inst);

/** The part before the colon in stack=, for messages. */
const char *ulogd_id(const struct ulogd_instance *inst);

/* --------------------------------------------------------------- records */

/** The value of one field in a lane's record: that of the last event that had it. */
struct ulogd_value {
	union {
		uint64_t num;		/* numbers; signed ones sign extended */
		const void *ptr;	/* bytes, text, addresses */
	};
	uint32_t len;			/* bytes at ptr */
};

/** Where an input stands in a lane's record, the same for all events. */
struct ulogd_place {
	const struct ulogd_value *value;
	const uint64_t *present;	/* has the bit when … */
	uint64_t bit;			/* … the event at hand has the field */
};

/**
 * One event on its way down.  A lane has one record and uses it again for each
 * event.  Pointers in it are borrowed until the record has left the stack.
 */
struct ulogd_record {
	const struct ulogd_place *in;	/* the running plugin's inputs, in table order */
	struct ulogd_value *const *out;	/* … and outputs */
	uint64_t *present;		/* a bit for each of these, 64 to a word; none when it begins to run */
	char *arena, *arena_end;	/* free space for text made on the way */
};

/** True when the field of @place is present in this event. */
static inline bool ulogd_place_has(const struct ulogd_place *place)
{
	return (*place->present & place->bit) != 0;
}

/** True when input @i is. */
static inline bool ulogd_in_has(const struct ulogd_record *rec, unsigned int i)
{
	return ulogd_place_has(&rec->in[i]);
}

/**
 * Where input @i of an instance stands, from start() to stop(): for outputs with so many inputs that
 * looking each of them up shows.  What one writer has written is in words of its own, in its table's order.
 */
const struct ulogd_place *ulogd_in_place(const struct ulogd_instance *inst, unsigned int i);

/** True when the stack has a writer of input @i at all; the same for all events. */
bool ulogd_in_provided(const struct ulogd_instance *inst, unsigned int i);

/** Reads number @i; false and nothing stored when it is absent. */
static inline bool ulogd_in_u64(const struct ulogd_record *rec, unsigned int i, uint64_t *ret)
{
	if (!ulogd_in_has(rec, i))
		return false;
	*ret = rec->in[i].value->num;
	return true;
}

static inline bool ulogd_in_u32(const struct ulogd_record *rec, unsigned int i, uint32_t *ret)
{
	if (!ulogd_in_has(rec, i))
		return false;
	*ret = (uint32_t)rec->in[i].value->num;
	return true;
}

/** Number @i, 0 when it is absent. */
static inline uint32_t ulogd_in_or_0(const struct ulogd_record *rec, unsigned int i)
{
	return ulogd_in_has(rec, i) ? (uint32_t)rec->in[i].value->num : 0;
}

/** Reads bytes, text or an address; NULL and a length of 0 when it is absent. */
static inline const void *ulogd_in_mem(const struct ulogd_record *rec, unsigned int i, size_t *len)
{
	bool has = ulogd_in_has(rec, i);

	*len = has ? rec->in[i].value->len : 0;
	return has ? rec->in[i].value->ptr : NULL;
}

/**
 * Input @i of an instance: its table's, or with inputs_all one for each output of all instances
 * before it, from the input on.  A name that is written twice is there twice, with the value of
 * the nearer writer.
 * @name, @type: become the field's
 * False behind the last.
 */
bool ulogd_input_at(const struct ulogd_instance *inst, unsigned int i, const char **name,
		    enum ulogd_type *type);

/**
 * True when somebody below reads output @i: what nobody reads need not be computed.  The same for all
 * events between start() and relink().
 */
bool ulogd_out_wanted(const struct ulogd_instance *inst, unsigned int i);

/**
 * How many bytes of output @i, from its beginning, somebody below reads: 0 when nobody does,
 * UINT32_MAX for all there are.  As long the same as ulogd_out_wanted().
 */
uint32_t ulogd_out_bytes(const struct ulogd_instance *inst, unsigned int i);

/* Output @i is present from now on, for those below. */
static inline void ulogd_set_present(const struct ulogd_record *rec, unsigned int i)
{
	rec->present[i / 64] |= UINT64_C(1) << i % 64;
}

/** Sets number @i; for signed types give the value sign extended. */
static inline void ulogd_set_num(const struct ulogd_record *rec, unsigned int i, uint64_t num)
{
	rec->out[i]->num = num;
	ulogd_set_present(rec, i);
}

/** Sets bytes, text or an address, which must stay where they are until the record is done. */
static inline void ulogd_set_mem(const struct ulogd_record *rec, unsigned int i, const void *ptr,
				 size_t len)
{
	rec->out[i]->ptr = ptr;
	rec->out[i]->len = (uint32_t)len;
	ulogd_set_present(rec, i);
}

/** Opens the record's arena for text of unknown length: append, then ulogd_set_text(). */
static inline struct ulogd_buf ulogd_text_begin(const struct ulogd_record *rec)
{
	return (struct ulogd_buf){ .p = rec->arena, .end = rec->arena_end };
}

/**
 * Sets output @i to the text appended since ulogd_text_begin().
 * Returns -ENOSPC, and leaves the field absent, when it did not fit.
 */
int ulogd_set_text(struct ulogd_record *rec, unsigned int i, const struct ulogd_buf *text);

/* ---------------------------------------------------------------- inputs */

/** Starts an event: all fields absent.  Inputs only, on their lane's thread. */
struct ulogd_record *ulogd_record_begin(struct ulogd_instance *inst);

/** Runs the event down all stacks of the input.  The record is done when it returns. */
void ulogd_record_run(struct ulogd_instance *inst, struct ulogd_record *rec);

/** What a watcher answers when it stopped before everything was read. */
#define ULOGD_MORE 1

/**
 * Calls @ready on the lane's thread whenever @fd is readable; from start() on.
 * It answers 0 when all is read, ULOGD_MORE when there may be more, or a
 * negative errno, upon which the descriptor is watched no longer and that is said.
 * The descriptor stays the plugin's, who closes it in stop().
 */
int ulogd_watch(struct ulogd_instance *inst, int fd, int (*ready)(struct ulogd_instance *inst));

struct ulogd_watch;

/**
 * The same for descriptors that come and go: @ready is given @data, too.  NULL: no memory.
 * The watch is the plugin's, who frees it before closing the descriptor, in start(), in stop(),
 * or on the lane's thread.
 */
struct ulogd_watch *ulogd_watch_new(struct ulogd_instance *inst, int fd,
				    int (*ready)(struct ulogd_instance *inst, void *data),
				    void *data);

/** Ends a watch, if need be from inside its own @ready; NULL is fine. */
void ulogd_watch_free(struct ulogd_watch *watch);

/** True when the daemon is stopping: for a watcher that has to wait in the middle of something. */
bool ulogd_stopping(const struct ulogd_instance *inst);

/**
 * Lets the whole lane sleep for @usec microseconds, less than a second, when the watcher returns, so that
 * more gathers: waking up is what costs.  Whoever asks something of the lane ends its sleep.
 */
void ulogd_rest(struct ulogd_instance *inst, unsigned int usec);

/**
 * Finds the process that owns the netlink socket of @protocol (NETLINK_*) with @portid, in the
 * network namespace of the caller, by looking through /proc.
 * @ret: becomes "pid 812 (pvefw-logger)"
 * Returns 0, or -ESRCH when nobody can be seen that has it.
 */
int ulogd_netlink_owner(int protocol, uint32_t portid, char *ret, size_t size);

struct sockaddr_un;
struct ucred;

/**
 * Removes what is left of a stream socket at @addr, on which nobody listens any more; fine when nothing
 * is there.
 * @holder: with -EADDRINUSE becomes who listens there, unix(7); pid 0: nobody that can be seen from here
 * Returns 0, -EADDRINUSE, -ENOTSOCK for another kind of file, or why it cannot be found out or removed.
 */
int ulogd_leftover_remove(const struct sockaddr_un *addr, struct ucred *holder);

/**
 * A socket that may outlive the instance: the next one takes it over with all that waits in it, when the
 * stacks are exchanged or the daemon is restarted.  Main thread, but for ulogd_keeping().
 */
struct ulogd_kept;

/** Bytes of memory that are kept with a socket. */
#define ULOGD_KEPT_STATE 256

/**
 * The socket called @name, like "nflog-5", for this instance; in start().
 * NULL when another instance has it, or without memory.  Given back by ulogd_kept_put().
 */
struct ulogd_kept *ulogd_kept_get(struct ulogd_instance *inst, const char *name);

/** What the instance before has left, which may be any socket: look at it.  -1: nothing, open one. */
int ulogd_kept_fd(const struct ulogd_kept *kept);

/** ULOGD_KEPT_STATE bytes, aligned; zeroed for a new socket, else as the last owner left them. */
void *ulogd_kept_state(const struct ulogd_kept *kept);

/** Makes @fd the socket that is kept, its state zeroed; it is the core's from now on. */
void ulogd_kept_set(struct ulogd_kept *kept, int fd);

/** True when the socket stays open after stop(): drain() leaves it bound then. */
bool ulogd_keeping(const struct ulogd_instance *inst);

/** Lets go of the socket, which is closed unless it is kept; in stop(). */
void ulogd_kept_put(struct ulogd_kept *kept);

/** The input has nothing more to give: when all inputs are done the daemon ends. */
void ulogd_input_done(struct ulogd_instance *inst);

/* --------------------------------------------------------------- outputs */

/** A file as a destination.  All of it is copied; what is not needed is left zero. */
struct ulogd_file {
	const char *path;	/* "-" is standard output; FIFOs are opened when they have a reader */
	bool sync;		/* hand over when the input is drained, not ten times a second */
	bool dated;		/* path is for strftime(3): a new name each time it is opened */
	const void *header;	/* begins every file that is new or empty, and every reader of a FIFO */
	size_t header_len;
	const void *trailer;	/* ends every file that is closed */
	size_t trailer_len;
	/**
	 * Looks at a file that has content already, before anything is appended.
	 * @file: as given to ulogd_output_file(), but for the path; @fd: open for reading
	 * Answers how many bytes are whole: behind them a crash has cut a record, which is taken
	 * off.  -EBADMSG: the file holds something else, and is moved aside.
	 * NULL without a trailer: the file holds lines.  If it does not end with one, a newline is
	 * written before the first record.
	 */
	int64_t (*adopt)(const struct ulogd_file *file, int fd);
};

/**
 * Makes a file the destination of an output; in start().  Outputs with the same path share
 * one sink, which is as the first of them says.  Says itself what went wrong.  How the file is
 * made and kept say the options that plugins with .to_file have: file_mode, fsync and so on.
 */
int ulogd_output_file(struct ulogd_instance *inst, const struct ulogd_file *file);

enum ulogd_socket_kind {
	ULOGD_SOCKET_TCP,
	ULOGD_SOCKET_UDP,		/* one datagram per record */
	ULOGD_SOCKET_UNIX,		/* stream */
	ULOGD_SOCKET_UNIX_DGRAM,	/* one datagram per record, or a stream where that listens */
};

/** A socket as a destination.  All of it is copied. */
struct ulogd_socket {
	enum ulogd_socket_kind kind;
	const char *host;	/* name or address; unix: the path */
	const char *port;	/* number or service name; unix: "" */
	bool sync;
};

/**
 * Makes a socket the destination of an output; in start().  Resolving and connecting are done
 * later, on the sink's thread, again and again until it works: a peer that is away only
 * makes records wait.
 */
int ulogd_output_socket(struct ulogd_instance *inst, const struct ulogd_socket *socket);

/* -------------------------------------------------------------- messages */

/** Levels of the daemon's log, as in loglevel=. */
enum {
	ULOGD_DEBUG = 1,
	ULOGD_INFO = 3,
	ULOGD_NOTICE = 5,
	ULOGD_ERROR = 7,
	ULOGD_FATAL = 8,
};

#define ulogd_debug(inst, ...)	ulogd_log_at(__FILE__, __LINE__, inst, ULOGD_DEBUG, __VA_ARGS__)
#define ulogd_info(inst, ...)	ulogd_log_at(__FILE__, __LINE__, inst, ULOGD_INFO, __VA_ARGS__)
#define ulogd_notice(inst, ...)	ulogd_log_at(__FILE__, __LINE__, inst, ULOGD_NOTICE, __VA_ARGS__)
#define ulogd_error(inst, ...)	ulogd_log_at(__FILE__, __LINE__, inst, ULOGD_ERROR, __VA_ARGS__)

/** One line in the log, led by `id (NAME): `.  No newline; never blocks a lane. */
void ulogd_log_at(const char *file, int line, const struct ulogd_instance *inst, int level,
		  const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/**
 * Writes an error led by `file:line: id (NAME): `, the place of the stack in the
 * configuration, and returns @err.  %m is the text of @err, a negative errno.
 */
#define ulogd_fail(inst, err, ...) ulogd_fail_at(__FILE__, __LINE__, inst, err, __VA_ARGS__)
int ulogd_fail_at(const char *file, int line, const struct ulogd_instance *inst, int err,
		  const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/** The same about @option, with -EINVAL: the place is that of its line, if it has one. */
int ulogd_fail_option(const struct ulogd_instance *inst, const char *option, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Says yes at most once a second; zeroed at first.  For messages that input can provoke. */
struct ulogd_once {
	int64_t last_ms;
};
bool ulogd_once_a_second(struct ulogd_once *once);

#endif /* ULOGD_PLUGIN_H */
