/** The default path of the castle's socket. Containers mount the folder of the socket. */
export const defaultSocket = '/run/castle/castle.sock';

/** The default path of the plug-in socket. Engines search this folder; the file name is the name of the volume driver. */
export const defaultPlugin = '/run/docker/plugins/castle.sock';
