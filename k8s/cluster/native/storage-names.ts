export const storageClass = 'zonal';
export const provisioner = 'holdfast.test/zonal-directories';
