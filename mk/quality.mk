# mk/quality.mk -- the style guide, executed. `make lint` runs all of it.
.PHONY: lint tidy format format-check check-headers check-symbols check-pure check-version
lint: format-check check-headers check-symbols check-pure check-version tidy

FILES = $(foreach m,$(LIBS) $(DAEMONS),$(wildcard $(patsubst %,$(TOP)/$m/%,src/*.[ch] uv/*.[ch] include/*/*.h tests/*.[ch] fuzz/*.c)))
format:       ; clang-format -i $(FILES)
format-check: ; clang-format --dry-run --Werror $(FILES)
tidy: $(BUILD)/compile_commands.json
	clang-tidy --quiet -p $(BUILD) $(filter %.c,$(FILES))

# Every public header compiles alone, as C and as C++ (FFmpeg checkheaders, git hdr-check).
check-headers:
	@set -e; $(foreach m,$(LIBS),$(foreach h,$($m_HEADERS),for x in c c++; do \
	  echo '#include <$(h:include/%=%)>' | $(CC) $($m_PUB) -Wall -Wextra -Werror -fsyntax-only -x$$x -; done;))

# Archives have no visibility: every global symbol must carry its library's prefix.
check-symbols: $(foreach m,$(LIBS),$($m_A))
	@$(foreach m,$(LIBS),if nm -g --defined-only $($m_A) | awk 'NF==3{print $$3}' | grep -v '^$($m_PREFIX)_'; \
	  then echo '$m: symbol without prefix $($m_PREFIX)_' >&2; exit 1; fi;)

# Cores do no I/O, read no clock, start no thread. The linker is the judge, not the reviewer.
IMPURE := uv_.*|socket|bind|connect|accept|send.*|recv.*|read|write|poll|select|epoll_.*|pthread_.*|time|clock_gettime|gettimeofday|getrandom|rand|printf|puts|fprintf|exit|abort|malloc|calloc|realloc|free
check-pure: $(foreach m,$(LIBS),$($m_A))
	@$(foreach m,$(LIBS),if nm -u $($m_A) | awk '{print $$2}' | grep -xE '$(IMPURE)' | grep -vxE '$($m_IMPURE_OK)'; \
	  then echo '$m: not sans-I/O' >&2; exit 1; fi;)

check-version:
	@set -e; $(foreach m,$(LIBS),grep -qF '"$($m_VERSION)"' $(TOP)/$m/include/$($m_PREFIX)/version.h || \
	  { echo '$m: VERSION and version.h differ' >&2; exit 1; };)

compdb = {"directory":"$(CURDIR)","file":"$(TOP)/$1/$2","command":"$(CC) $($1_INC) $(FLAGS) -c $(TOP)/$1/$2"}
$(BUILD)/compile_commands.json: $(O)/flags
	@(echo '['; s=; $(foreach m,$(LIBS) $(DAEMONS),$(foreach f,$($m_SRCS) $($m_UV_SRCS) $($m_TESTS) $($m_FUZZERS), \
	  echo "$$s" '$(call compdb,$m,$f)'; s=,;)) echo ']') >$@
