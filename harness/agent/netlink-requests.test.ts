import t from 'tap';
import { addAddress, addRoute, deleteRoute, isLocal } from './addresses.ts';
import { realSystemCalls } from './libc.ts';
import { getLink, setLink } from './links.ts';
import { awaitLocalRoutes } from './local-routes.ts';
import { Namespaces } from './namespaces.ts';
import { NETLINK, Netlink } from './netlink.ts';
import { inPrivateNamespace } from './test-support.ts';

/** An address of lo, which is up: that device is in every namespace. */
const HOST = 'fd00::5/128';

await inPrivateNamespace(import.meta.url, () => {
  const namespaces = new Namespaces(realSystemCalls);
  const inNew = (body: (route: Netlink) => void): void => {
    const space = namespaces.create();
    const route = new Netlink(realSystemCalls, NETLINK.ROUTE);
    body(route);
    route.close();
    namespaces.drop(space);
  };

  t.test('changes that are gathered are made in one call, in their order', (t) => {
    inNew((route) => {
      route.together(() => {
        setLink(route, 'lo', 1, { mtu: 1400 });
        setLink(route, 'lo', 1, { mtu: 1300, up: true });
        t.match(getLink(route, 'lo'), { mtu: 65536, up: false }, 'nothing is done before the end');
      });
      t.match(getLink(route, 'lo'), { mtu: 1300, up: true });
      route.together(() => undefined);
    });
    t.end();
  });

  t.test('of several refused ones the first is named, and the others are made', (t) => {
    inNew((route) => {
      const several = (): void => {
        setLink(route, 'lo', 1, { up: true });
        addAddress(route, 77, 'nowhere', '192.0.2.1/32');
        addRoute(route, { to: '192.0.2.9/32', index: 78 });
        setLink(route, 'lo', 1, { mtu: 1300 });
      };
      t.throws(
        () => {
          route.together(several);
        },
        { errno: 'ENODEV', message: /^cannot add 192\.0\.2\.1\/32 to nowhere/u },
      );
      t.match(getLink(route, 'lo'), { mtu: 1300, up: true });
    });
    t.end();
  });

  t.test('what throws while changes are gathered keeps them from being made', (t) => {
    inNew((route) => {
      const gather = (): void => {
        setLink(route, 'lo', 1, { mtu: 1300 });
        throw new RangeError('not so');
      };
      t.throws(() => {
        route.together(gather);
      }, /not so/u);
      t.equal(getLink(route, 'lo').mtu, 65536);
      setLink(route, 'lo', 1, { mtu: 1200 });
      t.equal(getLink(route, 'lo').mtu, 1200, 'later ones are made at once');
    });
    t.end();
  });

  t.test('an errno that was said to be harmless is no refusal, any other is', (t) => {
    inNew((route) => {
      setLink(route, 'lo', 1, { up: true });
      const gone = { to: '192.0.2.9/32', index: 1 };
      deleteRoute(route, gone, 'ESRCH');
      t.throws(
        () => {
          deleteRoute(route, gone, 'EEXIST');
        },
        { errno: 'ESRCH', message: /^cannot delete route/u },
      );
    });
    t.end();
  });

  t.test('a device that is not there is named', (t) => {
    inNew((route) => {
      t.throws(() => getLink(route, 'eth9'), { errno: 'ENODEV', message: /^cannot find device eth9/u });
    });
    t.end();
  });

  t.test('only an address that is delivered here is local', (t) => {
    inNew((route) => {
      t.notOk(isLocal(route, HOST), 'no route at all');
      setLink(route, 'lo', 1, { up: true });
      addRoute(route, { to: 'fd00::/64', index: 1 });
      t.notOk(isLocal(route, HOST), 'a route to elsewhere');
      addAddress(route, 1, 'lo', HOST);
      awaitLocalRoutes(route, ['192.0.2.1/32', HOST]);
      t.ok(isLocal(route, HOST));
    });
    t.end();
  });
});
