// SPDX-License-Identifier: GPL-2.0-or-later
/* ulogd.conf: reads the dialect, applies sections to option tables through libconfuse. */
#include <confuse.h>
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf.h"
#include "log.h"

/* ------------------------------------------------------------- messages */

static void say(int level, struct conf_place at, const char *section, const char *fmt, va_list ap)
{
	char text[768];

	vsnprintf(text, sizeof(text), fmt, ap);
	log_at(__FILE__, __LINE__, level, "%s:%u: %s%s%s", at.file, at.line,
	       section ? section : "", section ? ": " : "", text);
}

void conf_error(struct conf *conf, struct conf_place at, const char *section, const char *fmt, ...)
{
	va_list ap;

	conf->errors++;
	va_start(ap, fmt);
	say(ULOGD_ERROR, at, section, fmt, ap);
	va_end(ap);
}

void conf_warn(struct conf_place at, const char *section, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(ULOGD_NOTICE, at, section, fmt, ap);
	va_end(ap);
}

void conf_complain(struct conf *conf, struct conf_place at, const char *section,
		   const char *fmt, ...)
{
	va_list ap;

	if (!conf->lenient)
		conf->errors++;
	va_start(ap, fmt);
	say(conf->lenient ? ULOGD_NOTICE : ULOGD_ERROR, at, section, fmt, ap);
	va_end(ap);
}

/* The edit distance of two words, or a large number when they are nothing alike. */
static unsigned int word_distance(const char *a, const char *b)
{
	size_t len_a = strlen(a), len_b = strlen(b);
	unsigned int row[64];

	if (len_a >= 64 || len_b >= 64)
		return UINT_MAX;
	for (size_t j = 0; j <= len_b; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= len_a; i++) {
		unsigned int corner = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= len_b; j++) {
			unsigned int change = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j - 1] + 1 < change)
				change = row[j - 1] + 1;
			row[j] = row[j] + 1 < change ? row[j] + 1 : change;
		}
	}
	return row[len_b];
}

void conf_guess(struct conf_guess *guess, const char *word, const char *candidate)
{
	unsigned int distance = word_distance(word, candidate);

	/* A third of the letters may be wrong, but at least one and never all. */
	if (distance > strlen(word) / 3 + 1 || distance >= strlen(word))
		return;
	if (!guess->best || distance < guess->distance) {
		guess->best = candidate;
		guess->distance = distance;
	}
}

const char *conf_guess_text(const struct conf_guess *guess)
{
	static char text[128];

	text[0] = '\0';
	if (guess->best)
		snprintf(text, sizeof(text), "; did you mean \"%s\"?", guess->best);
	return text;
}

/* -------------------------------------------------------------- reading */

#define BLANKS	" \t\r\n"

/*
 * The next word of a line.  Words are separated by blanks and `=`, in any number
 * and order; a word that starts with a quote goes on to the next quote.
 * Returns a word, NULL at the end; *broken when a quote is missing.
 */
static char *word_next(char **line, bool *broken)
{
	char *word = *line + strspn(*line, BLANKS "=");
	size_t len;

	if (*word == '\0')
		return NULL;
	if (*word == '"') {
		word++;
		len = strcspn(word, "\"");
		if (word[len] == '\0') {
			*broken = true;
			return NULL;
		}
	} else {
		len = strcspn(word, BLANKS "=");
	}
	*line = word + len + (word[len] != '\0');
	word[len] = '\0';
	return word;
}

static const char *file_remember(struct conf *conf, const char *path)
{
	char **files = realloc(conf->files, (conf->n_files + 1) * sizeof(*files));
	char *copy = strdup(path);

	if (!files || !copy) {
		conf->files = files ? files : conf->files;
		free(copy);
		return NULL;
	}
	conf->files = files;
	return files[conf->n_files++] = copy;
}

/* The section a header line opens: `[name]`, blanks allowed inside, anything after it. */
static struct conf_section *section_open(struct conf *conf, struct conf_place at, char *header)
{
	struct conf_section **tail, *section;
	char *name = header + 1 + strspn(header + 1, BLANKS "[\"");

	name[strcspn(name, BLANKS "[]\"")] = '\0';
	for (tail = &conf->sections; *tail; tail = &(*tail)->next) {
		if (strcmp((*tail)->name, name) != 0)
			continue;
		/* Included files add to [global]; else the first section of a name counts. */
		if (strcmp(name, "global") == 0 && (*tail)->at.file != at.file)
			return *tail;
		conf_warn(at, name, "this section is ignored, the one at %s:%u counts",
			  (*tail)->at.file, (*tail)->at.line);
		return NULL;
	}
	section = calloc(1, sizeof(*section));
	if (!section || !(section->name = strdup(name))) {
		free(section);
		return NULL;
	}
	section->at = at;
	return *tail = section;
}

static void line_add(struct conf_section *section, struct conf_place at, const char *key,
		     const char *value)
{
	struct conf_line **tail = &section->lines, *line = calloc(1, sizeof(*line));

	if (!line)
		return;
	line->at = at;
	line->key = strdup(key);
	line->value = strdup(value);
	while (*tail)
		tail = &(*tail)->next;
	*tail = line;
}

/* A file that is being read, and who includes it. */
struct open_file {
	dev_t dev;
	ino_t ino;
	const struct open_file *by;
};

static int file_read(struct conf *conf, const char *path, const struct open_file *by);

/* include=PATTERN: reads every file that matches, relative to the file that says so. */
static void include_read(struct conf *conf, struct conf_place at, const char *pattern,
			 const struct open_file *by)
{
	char path[PATH_MAX], *dir;
	glob_t found;
	int ret;

	if (pattern[0] == '/') {
		snprintf(path, sizeof(path), "%s", pattern);
	} else {
		dir = strdup(at.file);
		snprintf(path, sizeof(path), "%s/%s", dir ? dirname(dir) : ".", pattern);
		free(dir);
	}
	ret = glob(path, 0, NULL, &found);
	if (ret == GLOB_NOMATCH) {
		if (!strpbrk(pattern, "*?["))
			conf_error(conf, at, "global", "include=%s: %s does not exist; create it, or "
				   "write a pattern (*.conf) if there may be no file", pattern, path);
		return;
	}
	if (ret)
		return conf_error(conf, at, "global", "include=%s: cannot read the directory; check "
				  "its permissions", pattern);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		ret = file_read(conf, found.gl_pathv[i], by);
		if (ret == -ELOOP)
			conf_error(conf, at, "global", "include=%s: a circle, %s is being read already",
				   pattern, found.gl_pathv[i]);
		else if (ret < 0)
			conf_error(conf, at, "global", "include=%s: cannot read %s: %s", pattern,
				   found.gl_pathv[i], strerror(-ret));
	}
	globfree(&found);
}

/* -ELOOP when @path is among the files that are being read. */
static int file_check_circle(FILE *file, struct open_file *self)
{
	struct stat st;

	if (fstat(fileno(file), &st) < 0)
		return -errno;
	self->dev = st.st_dev;
	self->ino = st.st_ino;
	for (const struct open_file *f = self->by; f; f = f->by)
		if (f->dev == self->dev && f->ino == self->ino)
			return -ELOOP;
	return 0;
}

static int file_read(struct conf *conf, const char *path, const struct open_file *by)
{
	struct open_file self = { .by = by };
	struct conf_section *section = NULL;
	const char *name = file_remember(conf, path);
	struct conf_place at = { .file = name };
	bool in_section = false;
	char *text = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *file;
	int ret = 0;

	if (!name)
		return -ENOMEM;
	file = fopen(path, "re");
	if (!file)
		return -errno;
	ret = file_check_circle(file, &self);
	if (ret < 0) {
		fclose(file);
		return ret;
	}
	errno = 0;
	while ((len = getline(&text, &size, file)) >= 0) {
		char *rest = text, *first = text + strspn(text, BLANKS), *key, *value;
		bool broken = false;

		at.line++;
		if (strlen(text) != (size_t)len) {
			conf_error(conf, at, NULL, "the line holds a NUL byte; is this a text file?");
			continue;
		}
		if (*first == '\0' || *first == '#')
			continue;
		if (*first == '[') {
			section = section_open(conf, at, first);
			in_section = true;
			continue;
		}
		if (!in_section) {
			conf_warn(at, NULL, "ignored: this line stands before the first section; put "
				  "[global] above it");
			continue;
		}
		if (!section)
			continue;
		key = word_next(&rest, &broken);
		value = key ? word_next(&rest, &broken) : NULL;
		if (!value) {
			conf_warn(at, section->name, "ignoring malformed config directive \"%s\" on line "
				  "%u: %s", key ? key : first, at.line,
				  broken ? "the closing quote is missing" : "it has no value");
			continue;
		}
		rest += strspn(rest, BLANKS "=");
		if (*rest != '\0' && *rest != '#') {
			rest[strcspn(rest, "\r\n")] = '\0';
			conf_warn(at, section->name, "%s: ignored behind the value \"%s\": %s; put a value "
				  "with blanks into quotes, a quote ends it, also behind a backslash", key,
				  value, rest);
		}
		if (strcmp(section->name, "global") == 0 && strcmp(key, "include") == 0)
			include_read(conf, at, value, &self);
		else
			line_add(section, at, key, value);
	}
	if (ferror(file))
		ret = errno ? -errno : -EIO;
	free(text);
	fclose(file);
	return ret;
}

int conf_read(struct conf *conf, const char *path)
{
	return file_read(conf, path, NULL);
}

void conf_fini(struct conf *conf)
{
	struct conf_section *section;
	struct conf_line *line;

	while ((section = conf->sections)) {
		conf->sections = section->next;
		while ((line = section->lines)) {
			section->lines = line->next;
			free(line->key);
			free(line->value);
			free(line);
		}
		free(section->name);
		free(section);
	}
	for (unsigned int i = 0; i < conf->n_files; i++)
		free(conf->files[i]);
	free(conf->files);
	*conf = (struct conf){ .lenient = conf->lenient };
}

struct conf_section *conf_find(struct conf *conf, const char *name)
{
	for (struct conf_section *s = conf->sections; s; s = s->next) {
		if (strcmp(s->name, name) == 0) {
			s->used = true;
			return s;
		}
	}
	return NULL;
}

/* ------------------------------------------------------------- applying */

/* What libconfuse complains about, with our place instead of its own. */
static struct {
	struct conf *conf;
	const struct conf_section *section;
	const struct conf_line *line;
	bool or_auto;		/* the option is a number or this word */
} parsing;

static void parse_failed(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[512];

	(void)cfg;
	vsnprintf(text, sizeof(text), fmt, ap);
	conf_complain(parsing.conf, parsing.line->at, parsing.section->name,
		      "%s: it says \"%s\"; write a number like 10, 0x0a or 012%s", text,
		      parsing.line->value, parsing.or_auto ? ", or auto" : "");
}

static const struct ulogd_option *option_at(const struct conf_target *targets,
					    unsigned int n_targets, unsigned int i, void **base)
{
	for (unsigned int t = 0; t < n_targets; t++) {
		for (const struct ulogd_option *o = targets[t].options; o && o->name; o++) {
			if (i-- == 0) {
				*base = targets[t].base;
				return o;
			}
		}
	}
	return NULL;
}

/* Brings a number into the range of its option, or says why not. */
static bool number_check(struct conf *conf, const struct conf_section *section,
			 const struct conf_line *line, const struct ulogd_option *option,
			 int64_t *num)
{
	int64_t min = option->min, max = option->max;

	if (option->type == ULOGD_OPTION_BOOL)
		return true;
	if (option->type == ULOGD_OPTION_U32) {
		min = INT32_MIN;
		max = UINT32_MAX;
	}
	if (*num >= min && *num <= max)
		return true;
	/* A limit that is the limit of the type means "as much as you like". */
	if (*num > max && max >= INT32_MAX) {
		conf_warn(line->at, section->name, "%s: %" PRId64 " is more than fits, using %" PRId64,
			  line->key, *num, max);
		*num = max;
		return true;
	}
	conf_complain(conf, line->at, section->name, "%s: %" PRId64 " is out of range; write a number "
		      "from %" PRId64 " to %" PRId64, line->key, *num, min, max);
	return false;
}

/* Understands a number, or first-last, and says what is wrong with it. */
static bool lanes_check(struct conf *conf, const struct conf_section *section,
			const struct conf_line *line, const struct ulogd_option *option, int64_t *first)
{
	int64_t last;

	if (conf_range(line->value, first, &last) < 0) {
		conf_complain(conf, line->at, section->name, "%s: it says \"%s\"; write a number like 10, or "
			      "the first and the last of several like 10-13", line->key, line->value);
		return false;
	}
	if (!number_check(conf, section, line, option, first) ||
	    !number_check(conf, section, line, option, &last))
		return false;
	if (last - *first < CONF_LANES_MAX)
		return true;
	conf_complain(conf, line->at, section->name, "%s: %" PRId64 " of them are too many; %d may be read "
		      "by one input", line->key, last - *first + 1, CONF_LANES_MAX);
	return false;
}

static void value_store(const struct ulogd_option *option, void *base, int64_t num, const char *text)
{
	void *member = (char *)base + option->offset;

	switch (option->type) {
	case ULOGD_OPTION_INT:
	case ULOGD_OPTION_AUTO:
	case ULOGD_OPTION_LANES:
		*(int32_t *)member = (int32_t)num;
		break;
	case ULOGD_OPTION_U32:
		*(uint32_t *)member = (uint32_t)num;
		break;
	case ULOGD_OPTION_BOOL:
		*(bool *)member = num != 0;
		break;
	case ULOGD_OPTION_STRING:
		*(const char **)member = text;
		break;
	}
}

static bool word_in(const char *word, const char *const *list)
{
	for (; list && *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

static void key_unknown(struct conf *conf, const struct conf_section *section,
			const struct conf_line *line, cfg_opt_t *known, const char *const *skip)
{
	const char *elsewhere = conf->elsewhere ? conf->elsewhere(section, line->key) : NULL;
	struct conf_guess guess = {};

	for (cfg_opt_t *o = known; o->name; o++)
		conf_guess(&guess, line->key, o->name);
	for (; skip && *skip; skip++)
		conf_guess(&guess, line->key, *skip);
	conf_complain(conf, line->at, section->name, "unknown config key \"%s\"%s", line->key,
		      elsewhere ? elsewhere : guess.best ? conf_guess_text(&guess) :
		      known->name ? "; see --print-config for the keys of this section" :
		      "; this plugin has no options");
}

/* Parses one line into the member of its option; false when it was wrong, which has been said. */
static bool line_apply(struct conf *conf, const struct conf_section *section,
		       const struct conf_line *line, cfg_t *cfg,
		       const struct ulogd_option *option, void *base)
{
	cfg_opt_t *opt = cfg_getopt(cfg, line->key);
	int64_t num = 0;

	parsing.conf = conf;
	parsing.section = section;
	parsing.line = line;
	parsing.or_auto = option->type == ULOGD_OPTION_AUTO;
	if (option->type != ULOGD_OPTION_STRING && line->value[0] == '\0') {
		conf_complain(conf, line->at, section->name, "option \"%s\" is a number, but it says \"\"",
			      line->key);
		return false;
	}
	if (option->type == ULOGD_OPTION_AUTO && strcmp(line->value, "auto") == 0) {
		value_store(option, base, ULOGD_AUTO, NULL);
		return true;
	}
	if (!opt || !cfg_setopt(cfg, opt, line->value))
		return false;	/* parse_failed() has said why */
	if (option->type == ULOGD_OPTION_LANES) {
		if (!lanes_check(conf, section, line, option, &num))
			return false;
	} else if (option->type != ULOGD_OPTION_STRING) {
		num = cfg_opt_getnint(opt, 0);
		if (!number_check(conf, section, line, option, &num))
			return false;
	}
	value_store(option, base, num, line->value);
	return true;
}

void conf_apply(struct conf *conf, struct conf_section *section,
		const struct conf_target *targets, unsigned int n_targets,
		const char *const *skip, conf_origin *origins)
{
	const struct ulogd_option *option;
	unsigned int n = 0;
	cfg_opt_t *known;
	conf_origin *from;
	void *base;
	cfg_t *cfg;

	while (option_at(targets, n_targets, n, &base))
		n++;
	known = calloc(n + 1, sizeof(*known));
	from = calloc(n + 1, sizeof(*from));
	if (!known || !from)
		goto err_free;
	for (unsigned int i = 0; i < n; i++) {
		option = option_at(targets, n_targets, i, &base);
		known[i] = option->type == ULOGD_OPTION_STRING || option->type == ULOGD_OPTION_LANES ?
			(cfg_opt_t)CFG_STR(option->name, option->def_str, CFGF_NONE) :
			(cfg_opt_t)CFG_INT(option->name, option->def, CFGF_NONE);
		value_store(option, base, option->def, option->def_str);
	}
	known[n] = (cfg_opt_t)CFG_END();
	cfg = cfg_init(known, CFGF_NONE);
	if (!cfg)
		goto err_free;
	cfg_set_error_function(cfg, parse_failed);

	for (struct conf_line *l = section ? section->lines : NULL; l; l = l->next) {
		unsigned int i = 0;

		if (l->bad || word_in(l->key, skip))
			continue;
		while (i < n && strcmp(known[i].name, l->key) != 0)
			i++;
		option = option_at(targets, n_targets, i, &base);
		if (!option)
			key_unknown(conf, section, l, known, skip);
		else if (from[i])
			conf_complain(conf, l->at, section->name, "option \"%s\" occurred more than once; "
				      "the one at %s:%u counts, remove the other", l->key,
				      from[i]->at.file, from[i]->at.line);
		else if (line_apply(conf, section, l, cfg, option, base))
			from[i] = l;
		l->bad = from[i] != l && !conf->lenient;
	}
	if (origins)
		memcpy(origins, from, n * sizeof(*from));
	cfg_free(cfg);
err_free:
	free(known);
	free(from);
}

int conf_range(const char *text, int64_t *first, int64_t *last)
{
	char *end;

	errno = 0;
	*first = *last = strtoll(text, &end, 0);
	if (end == text)
		return -EINVAL;
	if (*end == '-') {
		text = end + 1;
		*last = strtoll(text, &end, 0);
	}
	return errno || end == text || *end || *last < *first ? -EINVAL : 0;
}

int conf_size(const char *text, uint64_t *ret)
{
	static const char suffixes[] = "kMG";
	const char *suffix;
	uint64_t number;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || (*end && end[1]))
		return -EINVAL;
	if (*end) {
		suffix = strchr(suffixes, *end == 'K' ? 'k' : *end);
		if (!suffix)
			return -EINVAL;
		for (; suffix >= suffixes; suffix--) {
			if (number > UINT64_MAX / 1024)
				return -EINVAL;
			number *= 1024;
		}
	}
	*ret = number;
	return 0;
}
