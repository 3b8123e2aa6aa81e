#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bootstrap with stand-ins for the package manager, Meson and ninja, in a PATH of its own."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

BOOTSTRAP = pathlib.Path(sys.argv[1])
REAL = ('sh awk basename cat chmod cksum date dirname env find flock grep head ls mkdir mktemp printf '
        'readlink rm sed sleep tail touch tr true uname').split()
STAND_INS = {
    'id': 'cat "$STATE/uid"',
    'dpkg-query': 'for p in $(cat "$STATE/installed"); do printf "installed=%s " "$p"; done',
    'apt-cache': '''shift
for p in "$@"; do
  grep -qx "$p" "$STATE/nowhere" && c="(none)" || c=1.0
  printf "%s:\\n  Installed: (none)\\n  Candidate: %s\\n" "$p" "$c"
done''',
    'apt-get': '''echo "apt-get $*" >>"$STATE/calls"
case " $* " in *" update "*) touch "$STATE/updated"; exit 0 ;; esac
[ ! -e "$STATE/offline" ] || { echo "no network"; exit 100; }
[ ! -e "$STATE/stale" ] || [ -e "$STATE/updated" ] || exit 100
for p in "$@"; do case $p in -* | *=*) ;; *) echo "$p" >>"$STATE/installed" ;; esac; done''',
    'meson': '''echo "meson $*" >>"$STATE/calls"
[ "$1" != configure ] || { touch "$STATE/apart"; exit 0; }
sleep 0.1
mkdir -p "$2/meson-private" && touch "$2/build.ninja" "$2/meson-private/coredata.dat"''',
    'ninja': '''[ ! -e "$2/damaged" ] || { echo "ninja: error: loading build.ninja"; exit 1; }
[ "$3" != -n ] || { [ ! -e "$2/src/cli/vmfleet" ] || echo "ninja: no work to do."; exit 0; }
echo "ninja $*" >>"$STATE/calls"
if [ -e "$STATE/broken" ]; then echo "FAILED: x.o"; echo "x.cpp:1: error: no"; exit 1; fi
if [ -e "$STATE/clashing" ] && [ ! -e "$STATE/apart" ]; then
  echo "FAILED: base-unity0.cpp.o"; exit 1
fi
mkdir -p "$2/src/cli"
printf '#!/bin/sh\\nfor a in "$@"; do printf "<%%s>" "$a"; done; pwd\\n' >"$2/src/cli/vmfleet"
chmod +x "$2/src/cli/vmfleet"''',
    'pkg-config': 'exit 0',
    'qemu-system-x86_64': 'exit 0',
    'qemu-system-aarch64': 'exit 0',
}
for name in ('meson', 'ninja', 'pkg-config'):
    STAND_INS[name] = '#!/bin/sh\n' + STAND_INS[name]


class Place:
    """A tree with bootstrap in it, and a machine on which nothing is installed."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder) / 'a tree'
        self.bin = pathlib.Path(folder) / 'bin'
        self.state = pathlib.Path(folder) / 'state'
        for path in (self.root, self.bin, self.state):
            path.mkdir()
        shutil.copy(BOOTSTRAP, self.root)
        for name in REAL:
            (self.bin / name).symlink_to(shutil.which(name))
        for name, body in STAND_INS.items():
            (self.bin / name).write_text(body if body.startswith('#!') else f'#!/bin/sh\n{body}\n')
            (self.bin / name).chmod(0o755)
        for name, text in (('uid', '0'), ('installed', ''), ('nowhere', ''), ('calls', '')):
            (self.state / name).write_text(text)

    def run(self, *arguments):
        return subprocess.run(
            [self.root / 'bootstrap', *arguments], capture_output=True, text=True, check=False,
            cwd=self.state, stdin=subprocess.DEVNULL,
            env={'PATH': str(self.bin), 'STATE': str(self.state), 'HOME': '/nonexistent'})

    def succeeds(self, *arguments):
        run = self.run(*arguments)
        assert run.returncode == 0, run.stderr
        return run

    def has(self, name):
        (self.state / name).touch()

    def calls(self, beginning=''):
        lines = (self.state / 'calls').read_text().split('\n')
        return [line for line in lines if line.startswith(beginning) and line]


def test_passes_the_arguments_and_the_folder_on_after_it_installed_and_built(place):
    run = place.succeeds('up', '-n', '8', 'two words')
    assert run.stdout == f'<up><-n><8><two words>{place.state}\n', run.stdout
    assert 'meson' in place.calls('apt-get')[-1], place.calls()
    assert len(place.calls('meson setup')) == 1 and len(place.calls('ninja')) == 1


def test_costs_nothing_when_it_is_repeated(place):
    place.run('ps')
    before = place.calls()
    run = place.run('ps', '--json')
    assert place.calls() == before
    assert run.stderr == '', run.stderr


def test_installs_only_what_is_missing(place):
    (place.state / 'installed').write_text('g++\nmeson\nninja-build\n')
    place.run('deps')
    words = place.calls('apt-get')[-1].split()
    assert 'libuv1-dev' in words and 'meson' not in words and 'g++' not in words, words


def test_installs_the_qemu_of_another_architecture_when_it_is_named(place):
    place.run('up', '-n', '2')
    assert 'qemu-system-arm' not in place.calls('apt-get')[-1], place.calls()
    for words in (('--arch', 'aarch64'), ('--arch=arm64',)):
        (place.state / 'installed').write_text('')
        place.run('up', *words)
        words = place.calls('apt-get')[-1].split()
        assert 'qemu-system-arm' in words and 'qemu-system-x86' in words, words


def test_updates_the_lists_when_installing_failed(place):
    place.has('stale')
    place.succeeds('version')
    assert any(' update' in call for call in place.calls('apt-get'))


def test_goes_on_without_a_package_that_nobody_offers(place):
    (place.state / 'nowhere').write_text('libsimdjson-dev\n')
    run = place.succeeds('version')
    assert 'libsimdjson-dev' not in place.calls('apt-get')[-1]
    assert 'going on without: libsimdjson-dev' in run.stderr


def test_says_what_to_install_when_it_may_not(place):
    (place.state / 'uid').write_text('1000')
    run = place.succeeds('version')
    assert place.calls('apt-get') == []
    assert 'apt-get install g++ meson' in run.stderr, run.stderr


def test_says_what_apt_said_without_network(place):
    place.has('offline')
    run = place.run('deps')
    assert 'no network' in run.stderr and 'To install them by hand' in run.stderr, run.stderr


def test_names_the_tool_that_it_cannot_build_without(place):
    place.has('offline')
    (place.bin / 'meson').unlink()
    run = place.run('version')
    assert run.returncode == 8 and 'meson is missing' in run.stderr, run.stderr


def test_builds_nothing_for_machines_that_could_not_be_started(place):
    (place.state / 'uid').write_text('1000')
    for name in ('qemu-system-x86_64', 'qemu-system-aarch64'):
        (place.bin / name).unlink()
    for words in (('up', '-n', '2'), ('run', '--', 'make', '--qemu', 'x')):
        run = place.run(*words)
        assert run.returncode == 8 and 'qemu-system-' in run.stderr, run.stderr
        assert 'apt-get install' in run.stderr, run.stderr
    assert place.calls() == []
    for words in (('version',), ('up', '--qemu', '/opt/qemu'), ('up', '-f', 'fleet.toml')):
        place.succeeds(*words)


def test_builds_elsewhere_than_on_debian(place):
    (place.bin / 'apt-get').unlink()
    run = place.run('version')
    assert run.returncode == 0 and 'no apt-get' in run.stderr, run.stderr
    assert place.run('version').stderr == ''


def test_repairs_a_build_that_was_interrupted_while_configuring(place):
    (place.root / 'build/meson-private').mkdir(parents=True)
    (place.root / 'build/leftover').touch()
    place.succeeds('version')
    assert not (place.root / 'build/leftover').exists()


def test_repairs_a_damaged_build(place):
    place.run('version')
    (place.root / 'build/damaged').touch()
    run = place.run('version')
    assert run.returncode == 0 and 'is damaged' in run.stderr, run.stderr


def test_leaves_a_folder_alone_that_is_no_build(place):
    (place.root / 'build').mkdir()
    (place.root / 'build/letter').write_text('dear')
    run = place.run('version')
    assert run.returncode == 1 and 'in the way' in run.stderr, run.stderr
    assert (place.root / 'build/letter').read_text() == 'dear'


def test_keeps_a_build_that_was_configured_by_hand(place):
    (place.root / 'build/meson-private').mkdir(parents=True)
    for name in ('build.ninja', 'meson-private/coredata.dat'):
        (place.root / 'build' / name).touch()
    place.succeeds('version')
    assert place.calls('meson setup') == []


def test_shows_what_the_compiler_said(place):
    place.has('broken')
    run = place.run('version')
    assert run.returncode == 1 and 'x.cpp:1: error: no' in run.stderr, run.stderr
    assert run.stdout == ''


def test_compiles_sources_one_by_one_when_they_do_not_compile_together(place):
    place.has('clashing')
    place.succeeds('version')
    assert any('-Dunity=off' in call for call in place.calls('meson configure'))


def test_configures_once_when_two_start_at_once(place):
    threads = [threading.Thread(target=place.run, args=('version',)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(place.calls('meson setup')) == 1, place.calls()


def test_says_how_it_is_used_without_doing_anything(place):
    run = place.run('--help')
    assert run.returncode == 0 and 'usage:' in run.stdout
    assert place.run().returncode == 2
    assert place.calls() == []


def main():
    failed = 0
    tests = [(name, test) for name, test in globals().items() if name.startswith('test_')]
    for number, (name, test) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(Place(folder))
                good = True
            except AssertionError as error:
                print(f'{name}: {error!r}', file=sys.stderr)
                good = False
        failed += not good
        print(f'{"ok" if good else "not ok"} {number} - bootstrap {name[5:].replace("_", " ")}')
    print(f'1..{len(tests)}')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
