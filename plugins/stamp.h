/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stamp.h - what outputs in the manner of syslogd share: the time that begins a line, and ident. */
#ifndef STAMP_H
#define STAMP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ulogd/plugin.h>

enum stamp_format {
	STAMP_BSD,	/* "Nov 21 00:18:52 ", local time */
	STAMP_ISO,	/* "2026-11-21T00:18:52.788815+01:00 ", RFC 3339 */
	STAMP_NONE,
};

#define STAMP_HELP "bsd: Nov 21 00:18:52; iso: RFC 3339 with microseconds; none"

/** The format of a time, and the second that it was written for last. */
struct stamp {
	enum stamp_format format;
	time_t sec;
	char text[32];		/* without what is smaller than a second, nothing yet if empty */
	size_t len;
	char zone[8];		/* iso: "+01:00 " */
	size_t zone_len;
};

/** Reads time_format=, or says what is wrong with it. */
static inline int stamp_init(struct ulogd_instance *inst, struct stamp *s, const char *format)
{
	if (strcmp(format, "bsd") == 0)
		s->format = STAMP_BSD;
	else if (strcmp(format, "iso") == 0)
		s->format = STAMP_ISO;
	else if (strcmp(format, "none") == 0)
		s->format = STAMP_NONE;
	else
		return ulogd_fail_option(inst, "time_format", "unknown value '%s'; write bsd, iso or none",
					 format);
	return 0;
}

static inline void stamp_make(struct stamp *s, time_t sec)
{
	struct tm tm;
	long minutes;
	int len;

	localtime_r(&sec, &tm);
	s->sec = sec;
	if (s->format == STAMP_BSD) {
		s->len = strftime(s->text, sizeof(s->text), "%b %e %H:%M:%S ", &tm);
		return;
	}
	s->len = strftime(s->text, sizeof(s->text), "%Y-%m-%dT%H:%M:%S", &tm);
	minutes = tm.tm_gmtoff / 60;
	len = snprintf(s->zone, sizeof(s->zone), "%c%02u:%02u ", minutes < 0 ? '-' : '+',
		       (unsigned int)labs(minutes) / 60 % 100, (unsigned int)labs(minutes) % 60);
	s->zone_len = (size_t)len;
}

/** A dot and six digits. */
static inline void stamp_put_usec(struct ulogd_buf *out, uint32_t usec)
{
	char text[7] = ".";

	for (unsigned int i = 6; i > 0; i--, usec /= 10)
		text[i] = (char)('0' + usec % 10);
	ulogd_buf_mem(out, text, sizeof(text));
}

/** Appends a time and a blank, or nothing.  @usec: NULL when it is not known. */
static inline void stamp_put(struct stamp *s, struct ulogd_buf *out, time_t sec,
			     const uint32_t *usec)
{
	if (s->format == STAMP_NONE)
		return;
	if (sec != s->sec || s->text[0] == '\0')
		stamp_make(s, sec);
	ulogd_buf_mem(out, s->text, s->len);
	if (s->format != STAMP_ISO)
		return;
	if (usec)
		stamp_put_usec(out, *usec);
	ulogd_buf_mem(out, s->zone, s->zone_len);
}

/** Appends the time of an event whose inputs @sec and @usec are its time; now if it has none. */
static inline void stamp_put_event(struct stamp *s, struct ulogd_buf *out,
				   const struct ulogd_record *rec, unsigned int sec, unsigned int usec)
{
	uint32_t event_sec, event_usec;
	struct timespec now;

	if (ulogd_in_u32(rec, sec, &event_sec)) {
		bool has_usec = ulogd_in_u32(rec, usec, &event_usec);

		stamp_put(s, out, (time_t)event_sec, has_usec ? &event_usec : NULL);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	event_usec = (uint32_t)(now.tv_nsec / 1000);
	stamp_put(s, out, now.tv_sec, &event_usec);
}

/** The longest ident=, bytes. */
#define IDENT_MAX 128

/** Checks ident=: a line has to stay one. */
static inline int ident_check(struct ulogd_instance *inst, const char *ident)
{
	if (strlen(ident) > IDENT_MAX)
		return ulogd_fail_option(inst, "ident", "more than %d bytes", IDENT_MAX);
	for (const char *p = ident; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return ulogd_fail_option(inst, "ident", "control characters would break lines");
	return 0;
}

#endif /* STAMP_H */
